// SPDX-License-Identifier: GPL-2.0

use crate::admin_command::{
    head,
    result,
    Commands,
    Group,
    Opcode,
    Refusal,
    ANSWER_HEAD,
    HEAD, //
};
use proptest::prelude::*;

#[test]
fn clause_2_12_1_a_command_begins_with_opcode_and_group() {
    let mut wanted = [0u8; HEAD];

    assert_eq!(head(Opcode::ListQuery, Group::Own), wanted);
    wanted[0] = 1;
    wanted[2] = 1;
    assert_eq!(head(Opcode::ListUse, Group::SrIov), wanted);
}

#[test]
fn clause_2_12_1_an_answer_is_status_qualifier_and_result() {
    let answer = |status: u16, qualifier: u16| {
        let mut bytes = vec![0; ANSWER_HEAD];
        bytes[..2].copy_from_slice(&status.to_le_bytes());
        bytes[2..4].copy_from_slice(&qualifier.to_le_bytes());
        bytes.extend([7, 8, 9]);
        bytes
    };

    assert_eq!(result(&answer(0, 0), 11), Ok(&[7, 8, 9][..]));
    assert_eq!(result(&answer(0, 0), 9), Ok(&[7][..]));
    assert_eq!(result(&answer(0, 5), 8), Ok(&[][..]));
    // What was not written is not believed.
    for short in 0..8 {
        assert_eq!(result(&answer(0, 0), short), Err(Refusal::Short(short)));
    }
    // What was not there to be written neither.
    assert_eq!(result(&answer(0, 0), u32::MAX), Ok(&[7, 8, 9][..]));
    assert_eq!(
        result(&answer(22, 4), 11).unwrap_err().to_string(),
        "refused with status 22: group"
    );
    assert_eq!(
        result(&answer(11, 99), 8).unwrap_err().to_string(),
        "refused with status 11: qualifier 99"
    );
}

#[test]
fn clause_2_12_1_1_lists() {
    let all = Commands::from_list(&[0xff; 16]);
    let few = Commands::from_list(&[3, 0x80, 2]);

    assert_eq!(
        few.to_string(),
        "LIST_QUERY LIST_USE DEV_PARTS_GET DEV_MODE_SET"
    );
    assert!(all.contains(few) && few.contains(Commands::USED) && !few.contains(all));
    assert_eq!(all.to_string().split(' ').count(), 128);
    assert!(all.to_string().contains(" DEV_MODE_SET 18 19 "));
    assert!(all.to_string().ends_with(" 127"));
    assert_eq!(Commands::from_list(&[]).to_string(), "none");
    // Each of the two is needed.
    for list in [0, 1, 2] {
        assert!(!Commands::from_list(&[list]).contains(Commands::USED));
    }
    assert_eq!(Commands::USED.list(), [3, 0, 0, 0, 0, 0, 0, 0]);
    // What is behind the list is not looked at.
    assert_eq!(Commands::from_list(&[0xff; 40]), all);
}

proptest! {
    /// Whatever an answer is, its result stands in it, and in what was written.
    #[test]
    fn whatever_is_answered(answer in prop::collection::vec(any::<u8>(), 0..40), written in prop_oneof![0u32..50, any::<u32>()]) {
        match result(&answer, written) {
            Ok(result) => {
                prop_assert!(answer[..2] == [0, 0]);
                prop_assert_eq!(result, &answer[8..answer.len().min(written as usize)]);
            }
            Err(Refusal::Short(said)) => {
                prop_assert_eq!(said, written);
                prop_assert!(written < 8 || answer.len() < 8);
            }
            Err(refusal) => prop_assert!(!refusal.to_string().is_empty()),
        }
    }
}

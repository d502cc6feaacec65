// SPDX-License-Identifier: GPL-2.0

//! Indirect tables (virtio 1.4, 2.7.5.3).

mod common;

use common::{
    device::{
        parse,
        Desc,
        Device,
        INDIRECT,
        NEXT,
        WRITE, //
    },
    ring,
    seg,
    FakeTable, //
};
use vring::{
    AddError,
    IndirectTable,
    IndirectWriter,
    Split,
    TableError,
    Violation, //
};

fn writer(memory: &FakeTable, capacity: u16) -> IndirectWriter<'_, FakeTable, Split> {
    IndirectWriter::new(memory, capacity)
}

fn table(readable: u16, writable: u16) -> (IndirectTable, FakeTable) {
    let memory = FakeTable::new(readable + writable);
    let mut w = writer(&memory, readable + writable);
    for i in 0..readable {
        w.push_readable(seg(0x1000 + u64::from(i), 16)).unwrap();
    }
    for i in 0..writable {
        w.push_writable(seg(0x2000 + u64::from(i), 100)).unwrap();
    }
    let table = w.finish(seg(0xabc0, 48)).unwrap();
    (table, memory)
}

#[test]
fn clause_2_7_5_3_entries_are_chained_in_order() {
    let (table, memory) = table(2, 1);
    assert_eq!((table.addr(), table.entries()), (0xabc0, 3));
    assert_eq!(table.writable(), 100);
    let entries: Vec<Desc> = memory
        .bytes()
        .chunks(16)
        .map(|bytes| parse(bytes.try_into().unwrap()))
        .collect();
    let desc = |addr, len, flags, next| Desc {
        addr,
        len,
        flags,
        next,
    };
    assert_eq!(
        entries,
        [
            desc(0x1000, 16, NEXT, 1),
            desc(0x1001, 16, NEXT, 2),
            desc(0x2000, 100, WRITE, 0),
        ]
    );
    assert_eq!(memory.writes(), 3, "each entry is written once");
}

#[test]
fn clause_2_7_5_3_1_indirect_stands_alone() {
    let (mut ring, mem) = ring::<u8>(4, true);
    let device = Device::new(mem, 4, true);
    let (table, _memory) = table(1, 2);
    ring.add_indirect(table, 1).unwrap();
    let expected = Desc {
        addr: 0xabc0,
        len: 48,
        flags: INDIRECT,
        next: 0,
    };
    assert_eq!(device.desc(0), expected);
    assert_eq!(ring.num_free(), 3);
}

#[test]
fn clause_2_7_5_3_1_table_is_not_longer_than_the_queue() {
    let (mut ring, _mem) = ring::<u8>(2, true);
    let (fits, _m1) = table(1, 1);
    let (long, _m2) = table(1, 2);
    assert_eq!(ring.add_indirect(long, 1), Err((AddError::TooLong, 1)));
    ring.add_indirect(fits, 1).unwrap();
    ring.add_indirect(fits, 2).unwrap();
    assert_eq!(ring.add_indirect(fits, 3), Err((AddError::Full, 3)));
    ring.set_broken(Violation::Closed);
    assert_eq!(ring.add_indirect(fits, 3), Err((AddError::Broken, 3)));
}

#[test]
fn clause_2_7_4_2_writable_before_readable_is_refused() {
    let memory = FakeTable::new(4);
    let mut w = writer(&memory, 4);
    w.push_readable(seg(1, 1)).unwrap();
    w.push_writable(seg(2, 1)).unwrap();
    assert_eq!(w.push_readable(seg(3, 1)), Err(TableError::Order));
    w.push_writable(seg(4, 1)).unwrap();
    assert_eq!(w.entries(), 3);
}

#[test]
fn errors_leave_the_table_as_it_was() {
    let memory = FakeTable::new(2);
    let mut w = writer(&memory, 2);
    assert_eq!(w.push_writable(seg(1, 0)), Err(TableError::ZeroLength));
    w.push_readable(seg(1, u32::MAX)).unwrap();
    w.push_writable(seg(2, 1)).unwrap();
    assert_eq!(w.push_writable(seg(3, 1)), Err(TableError::Full));
    assert_eq!(w.entries(), 2);
    assert_eq!(w.finish(seg(0, 16)), Err(TableError::TooLong));
    assert_eq!(
        writer(&memory, 2).finish(seg(0, 16)),
        Err(TableError::Empty)
    );
    assert_eq!(
        writer(&memory, 0).push_readable(seg(1, 1)),
        Err(TableError::Full)
    );
}

#[test]
fn clause_2_7_8_used_length_counts_the_writable_entries() {
    let (mut ring, mem) = ring::<u8>(4, true);
    let mut device = Device::new(mem, 4, true);
    let (table, _memory) = table(1, 2);
    ring.add_indirect(table, 7).unwrap();
    assert!(ring.kick_prepare());
    device.complete(&[(0, 200)]);
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (7, 200));

    ring.add_indirect(table, 8).unwrap();
    let _ = ring.kick_prepare();
    device.complete(&[(0, 201)]);
    let violation = Violation::LenTooLong {
        id: 0,
        len: 201,
        writable: 200,
    };
    assert_eq!(ring.pop().err(), Some(violation));
}

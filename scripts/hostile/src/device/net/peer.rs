// SPDX-License-Identifier: GPL-2.0

//! Who is at the other end of the cable: 10.0.0.100, which answers ARP, sends back what `ping` sends it, and datagrams to the
//! port for that (RFC 862).

const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 0x64];
const ADDRESS: [u8; 4] = [10, 0, 0, 100];
const ECHO_PORT: [u8; 2] = [0, 7];

const ARP: [u8; 2] = [8, 6];
const IPV4: [u8; 2] = [8, 0];
const ICMP: u8 = 1;
const UDP: u8 = 17;
const ECHO_REQUEST: u8 = 8;

/// A frame to everybody, of a protocol for experiments (IEEE 802, 0x88b5).
pub fn nobodys() -> Vec<u8> {
    let mut frame = vec![0xff; 6];

    frame.extend(MAC);
    frame.extend([0x88, 0xb5]);
    frame.resize(60, 0);
    frame
}

/// What it answers to a frame, if it does.
pub fn answer(frame: &[u8]) -> Option<Vec<u8>> {
    let mut answer = frame.to_vec();

    answer.get_mut(0..6)?.copy_from_slice(frame.get(6..12)?);
    answer.get_mut(6..12)?.copy_from_slice(&MAC);
    match [*frame.get(12)?, *frame.get(13)?] {
        ARP => answer_arp(answer.get_mut(14..42)?)?,
        IPV4 => answer_ipv4(answer.get_mut(14..)?)?,
        _ => return None,
    }
    Some(answer)
}

fn answer_arp(packet: &mut [u8]) -> Option<()> {
    let is_question = packet[6..8] == [0, 1] && packet[24..28] == ADDRESS;

    packet.copy_within(8..18, 18);
    packet[6..8].copy_from_slice(&[0, 2]);
    packet[8..14].copy_from_slice(&MAC);
    packet[14..18].copy_from_slice(&ADDRESS);
    is_question.then_some(())
}

/// Source and destination change places, so no checksum is another one. A datagram may be cut in fragments; it is put together
/// by who gets it.
fn answer_ipv4(packet: &mut [u8]) -> Option<()> {
    if packet.get(16..20)? != ADDRESS {
        return None;
    }
    let protocol = packet[9];
    let is_first = packet[6] & 0x1f == 0 && packet[7] == 0;
    let begin = usize::from(packet[0] & 0xf) * 4;
    let (source, destination) = packet.get_mut(12..20)?.split_at_mut(4);

    source.swap_with_slice(destination);
    let payload = packet.get_mut(begin..)?;

    match (protocol, is_first) {
        (ICMP | UDP, false) => Some(()),
        (ICMP, true) => answer_ping(payload),
        (UDP, true) if payload.get(2..4)? == ECHO_PORT => {
            let (from, to) = payload.get_mut(0..4)?.split_at_mut(2);

            from.swap_with_slice(to);
            Some(())
        }
        _ => None,
    }
}

fn answer_ping(message: &mut [u8]) -> Option<()> {
    let sum = u16::from_be_bytes([*message.get(2)?, *message.get(3)?]);

    if message[0] != ECHO_REQUEST {
        return None;
    }
    // The type becomes 0, so the sum is as much larger (RFC 1624).
    let (sum, carry) = sum.overflowing_add(u16::from(ECHO_REQUEST) << 8);

    message[0] = 0;
    message[2..4].copy_from_slice(&(sum + u16::from(carry)).to_be_bytes());
    Some(())
}

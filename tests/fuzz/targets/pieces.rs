//! Pieces: the first two octets of an input say how the rest is cut.

/// The octets of a message, and the places where they are cut, the last one at its end.
pub fn cut(data: &[u8]) -> Option<(&[u8], Vec<usize>)> {
    let (&[first, second], octets) = data.split_first_chunk()?;
    let mut number = u64::from(u16::from_be_bytes([first, second]));
    let (mut ends, mut at) = (Vec::new(), 0);
    while at < octets.len() {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        // Short pieces and long ones.
        let length = usize::try_from(number >> 40).expect("24 bits") % (1 << (number >> 60));
        at = (at + length + 1).min(octets.len());
        ends.push(at);
    }
    Some((octets, ends))
}

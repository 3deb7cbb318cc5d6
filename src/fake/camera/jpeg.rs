//! JPEGs as RTP payloads (RFC 2435).
//!
//! Theory of operation: a payload carries no JPEG headers but the picture's size, its kind of sampling and, with the
//! first fragment, the two quantisation tables; the receiver puts standard headers back. So only
//! baseline pictures with the standard Huffman tables can be sent, of 4:2:0 or 4:2:2 sampling.
//!
//! It deliberately re-encodes nothing: what cannot be sent is said when the stream is made.

/// Symbols of a standard AC Huffman table.
const STANDARD_AC_SYMBOLS: usize = 162;
/// The largest side that the header's byte of eight pixels holds.
const LONGEST_SIDE: usize = 2040;

/// What of a JPEG goes into payloads.
#[derive(Debug, PartialEq)]
struct Jpeg<'a> {
    /// 0 for 4:2:2, 1 for 4:2:0.
    kind: u8,
    width: usize,
    height: usize,
    /// Luma, then chroma, 64 bytes each.
    tables: Vec<u8>,
    restart: Option<u16>,
    scan: &'a [u8],
}

/// Why a JPEG can't be sent; `Ok` if it can.
pub(super) fn check(data: &[u8]) -> Result<(), String> {
    read(data).map(|_| ())
}

/// The payloads of one picture, none if it can't be sent.
pub(super) fn payloads(data: &[u8], most: usize) -> Vec<Vec<u8>> {
    let Ok(jpeg) = read(data) else {
        return Vec::new();
    };
    let mut payloads = Vec::new();
    let mut offset = 0;
    while offset < jpeg.scan.len() {
        let mut payload = head(&jpeg, offset);
        let room = most.saturating_sub(payload.len()).max(1);
        let end = (offset + room).min(jpeg.scan.len());
        payload.extend(&jpeg.scan[offset..end]);
        payloads.push(payload);
        offset = end;
    }
    payloads
}

fn head(jpeg: &Jpeg<'_>, offset: usize) -> Vec<u8> {
    let restarts = if jpeg.restart.is_some() { 64 } else { 0 };
    let mut head = (offset as u32).to_be_bytes().to_vec();
    head[0] = 0;
    // Quality 255: tables come with each picture.
    head.extend([jpeg.kind + restarts, 255]);
    head.extend([(jpeg.width / 8) as u8, (jpeg.height / 8) as u8]);
    if let Some(interval) = jpeg.restart {
        head.extend(interval.to_be_bytes());
        // The whole picture in one run, first and last.
        head.extend([0xff, 0xff]);
    }
    if offset == 0 {
        head.extend([0, 0]);
        head.extend((jpeg.tables.len() as u16).to_be_bytes());
        head.extend(&jpeg.tables);
    }
    head
}

fn read(data: &[u8]) -> Result<Jpeg<'_>, String> {
    let cut = || "the JPEG is cut short".to_owned();
    let mut jpeg = Jpeg {
        kind: 0,
        width: 0,
        height: 0,
        tables: Vec::new(),
        restart: None,
        scan: &[],
    };
    let mut rest = data
        .strip_prefix(&[0xff, 0xd8])
        .ok_or("it does not begin as a JPEG")?;
    loop {
        let [0xff, marker, high, low, tail @ ..] = rest else {
            return Err(cut());
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let body = length
            .checked_sub(2)
            .and_then(|n| tail.get(..n))
            .ok_or_else(cut)?;
        rest = &tail[body.len()..];
        match marker {
            0xdb => tables(body, &mut jpeg.tables)?,
            0xc4 => huffman(body)?,
            0xc0 => frame(body, &mut jpeg)?,
            0xc1..=0xcf => return Err("only baseline JPEGs can be sent by RTP".into()),
            0xdd => jpeg.restart = body.first_chunk().map(|two| u16::from_be_bytes(*two)),
            0xda => break,
            _ => {}
        }
    }
    let end = rest.windows(2).rposition(|two| two == [0xff, 0xd9]);
    jpeg.scan = &rest[..end.unwrap_or(rest.len())];
    if jpeg.tables.len() == 64 {
        // One table for all components: the receiver is given it twice.
        jpeg.tables.extend_from_within(..);
    }
    if jpeg.tables.len() != 128 || jpeg.width == 0 {
        return Err("a JPEG with one or two quantisation tables is wanted".into());
    }
    Ok(jpeg)
}

fn tables(mut body: &[u8], tables: &mut Vec<u8>) -> Result<(), String> {
    while let [kind, tail @ ..] = body {
        if kind >> 4 != 0 || tail.len() < 64 {
            return Err("quantisation tables of 8 bits are wanted".into());
        }
        tables.extend(&tail[..64]);
        body = &tail[64..];
    }
    Ok(())
}

fn huffman(mut body: &[u8]) -> Result<(), String> {
    while body.len() > 17 {
        let symbols: usize = body[1..17].iter().map(|n| usize::from(*n)).sum();
        if body[0] >> 4 == 1 && symbols != STANDARD_AC_SYMBOLS {
            return Err(
                "the standard Huffman tables are wanted: encode with -huffman default".into(),
            );
        }
        body = body.get(17 + symbols..).unwrap_or_default();
    }
    Ok(())
}

fn frame(body: &[u8], jpeg: &mut Jpeg<'_>) -> Result<(), String> {
    let [8, h1, h0, w1, w0, 3, _, sampling, ..] = body else {
        return Err("a JPEG of 8 bits and three components is wanted".into());
    };
    jpeg.height = usize::from(u16::from_be_bytes([*h1, *h0]));
    jpeg.width = usize::from(u16::from_be_bytes([*w1, *w0]));
    jpeg.kind = match sampling {
        0x21 => 0,
        0x22 => 1,
        _ => return Err("4:2:0 or 4:2:2 sampling is wanted".into()),
    };
    let fits = |side: usize| side.is_multiple_of(8) && side <= LONGEST_SIDE;
    if fits(jpeg.width) && fits(jpeg.height) {
        return Ok(());
    }
    Err(format!(
        "{}x{}: RTP carries JPEGs with sides that are multiples of 8, up to {LONGEST_SIDE}",
        jpeg.width, jpeg.height
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up picture with standard table sizes.
    fn picture() -> Vec<u8> {
        let mut data = vec![0xff, 0xd8];
        for table in 0..2 {
            data.extend([0xff, 0xdb, 0, 67, table]);
            data.extend([table + 1; 64]);
        }
        data.extend([
            0xff, 0xc0, 0, 17, 8, 0, 16, 0, 24, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1,
        ]);
        data.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
        data.extend([7; 100]);
        data.extend([0xff, 0xd9]);
        data
    }

    #[test]
    fn a_picture_is_cut_up_and_whole_again() {
        let data = picture();
        let payloads = payloads(&data, 60 + 140);
        let first = &payloads[0];
        assert_eq!(first[..8], [0, 0, 0, 0, 1, 255, 3, 2]);
        assert_eq!(first[8..12], [0, 0, 0, 128]);
        let mut scan = first[12 + 128..].to_vec();
        for payload in &payloads[1..] {
            assert_eq!(payload[..4], (scan.len() as u32).to_be_bytes());
            scan.extend(&payload[8..]);
        }
        assert_eq!(scan, [7; 100]);
    }

    #[test]
    fn what_cannot_be_sent_is_said() {
        let mut progressive = picture();
        let at = progressive
            .windows(2)
            .position(|w| w == [0xff, 0xc0])
            .expect("has one");
        progressive[at + 1] = 0xc2;
        assert!(
            check(&progressive)
                .expect_err("refused")
                .contains("baseline")
        );
        let mut odd = picture();
        odd[at + 6] = 17;
        assert!(check(&odd).expect_err("refused").contains("multiples of 8"));
        assert!(check(b"no").is_err());
    }
}

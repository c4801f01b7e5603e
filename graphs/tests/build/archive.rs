//! Archives, put together by hand so that they may lie. Tests of the host have them too.
#![allow(dead_code, unreachable_pub, reason = "each that includes this uses what it needs")]

/// A .zip of one stored file.
pub fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    packed(name, 0, content, content.len())
}

/// A .zip of one file of zeros, each byte of which stands for some 160: more than can be unpacked.
pub fn bomb(name: &str, megabytes: usize) -> Vec<u8> {
    let turns = (megabytes << 20) / 258;
    let mut bits = Bits::default();
    // The last block, with codes that are fixed; a zero; 258 bytes from one byte back on, again and again; the end.
    bits.add(0b110, 3);
    bits.add(0b0011_0000, 8);
    (0..turns).for_each(|_| bits.add(0b1_1000_1010_0000, 13));
    bits.add(0, 7);
    packed(name, 8, &bits.finished(), 1 + turns * 258)
}

/// Bits, the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    open: u8,
    count: u32,
}

impl Bits {
    /// Adds so many bits, the highest first.
    fn add(&mut self, bits: u32, count: u32) {
        for at in (0..count).rev() {
            self.open |= u8::from(bits >> at & 1 == 1) << self.count;
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(std::mem::take(&mut self.open));
                self.count = 0;
            }
        }
    }

    fn finished(mut self) -> Vec<u8> {
        self.bytes.push(self.open);
        self.bytes
    }
}

fn packed(name: &str, method: u8, content: &[u8], unpacked: usize) -> Vec<u8> {
    let size = |size: usize| u32::try_from(size).unwrap().to_le_bytes();
    let (packed, unpacked) = (size(content.len()), size(unpacked));
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let common = [&[10, 0, 0, 0, method, 0, 0, 0, 0, 0][..], &[0; 4], &packed, &unpacked, &length, &[0, 0]].concat();
    let local = [b"PK\x03\x04".as_slice(), &common, name.as_bytes(), content].concat();
    let central = [b"PK\x01\x02\x0a\x00".as_slice(), &common, &[0; 14], name.as_bytes()].concat();
    let end =
        [b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00".as_slice(), &size(central.len()), &size(local.len()), &[0, 0]].concat();
    [local, central, end].concat()
}

/// A .tar of one entry.
pub fn tar(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[157..161].copy_from_slice(b"/etc");
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut all = [header, content.to_vec()].concat();
    all.resize(all.len().div_ceil(512) * 512 + 1024, 0);
    all
}

//! Secret key files: 64 hex digits, readable by their owner only.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ed25519_dalek::SigningKey;
use rand::TryRngCore as _;

use super::failure::Failure;

/// 32 bytes from the operating system.
pub(crate) fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| {
            Failure::Unavailable(format!("the operating system gives no randomness: {error}"))
        })?;
    Ok(bytes)
}

/// Writes a new file of mode 0600. Never overwrites: a key that is lost is lost.
pub(crate) fn write_new(path: &Path, content: &str) -> Result<(), Failure> {
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| Failure::file(path, &error))
}

/// Reads 64 hex digits, with or without `0x`, and a newline.
pub(crate) fn read(path: &Path) -> Result<[u8; 32], Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let digits = text.trim_end();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut bytes = [0; 32];
    // Never repeats the text: it may be most of a key.
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| {
        Failure::Usage(format!(
            "key file {}: it is not 64 hex digits: make one with `isthmus keys generate`",
            path.display()
        ))
    })?;
    Ok(bytes)
}

/// Reads an Ed25519 seed.
pub(crate) fn read_ed25519(path: &Path) -> Result<SigningKey, Failure> {
    Ok(SigningKey::from_bytes(&read(path)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_are_private_never_overwritten_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed");
        let digits = "0a".repeat(32);
        write_new(&path, &format!("{digits}\n")).unwrap();
        assert_eq!(read(&path).unwrap(), [10; 32]);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = write_new(&path, "other").unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert_eq!(read(&path).unwrap(), [10; 32]);
    }

    #[test]
    fn other_spellings_are_read_and_malformed_keys_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed");
        std::fs::write(&path, format!("0x{}", "0A".repeat(32))).unwrap();
        assert_eq!(read(&path).unwrap(), [10; 32]);
        for wrong in [
            "",
            "0x",
            &"ab".repeat(31),
            &"ab".repeat(33),
            &"zz".repeat(32),
        ] {
            std::fs::write(&path, wrong).unwrap();
            let failure = read(&path).unwrap_err().to_string();
            assert!(failure.contains("64 hex digits"), "{failure}");
            assert!(wrong.len() < 4 || !failure.contains(wrong), "{failure}");
        }
    }
}

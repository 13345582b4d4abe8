use proptest::prelude::*;

use super::*;
use crate::dashboard::input::{Action, action};

/// The keys of pieces that come one after the other, and nothing after them.
fn keys(pieces: &[&[u8]]) -> Vec<KeyEvent> {
    let mut decoder = Decoder::default();
    pieces.iter().for_each(|piece| decoder.push(piece));
    decoder.give_up();
    std::iter::from_fn(|| decoder.pop()).collect()
}

#[test]
fn every_key_of_the_dashboard_has_its_encoding() {
    for (bytes, meant) in [
        (&b"\x1b[A"[..], Action::Up),
        (b"\x1bOA", Action::Up),
        (b"k", Action::Up),
        (b"\x1b[B", Action::Down),
        (b"\x1b[5~", Action::PageUp),
        (b"\x02", Action::PageUp),
        (b"\x1b[6~", Action::PageDown),
        (b"\x06", Action::PageDown),
        (b"\x1b[H", Action::First),
        (b"\x1b[1~", Action::First),
        (b"\x1bOF", Action::Last),
        (b"\x1b[4~", Action::Last),
        (b"G", Action::Last),
        (b"\t", Action::NextPane),
        (b"\r", Action::Detail),
        (b"\x1bOP", Action::Help),
        (b"\x1b[11~", Action::Help),
        (b"\x1b", Action::Back),
        (b"q", Action::Quit),
        (b"\x03", Action::Interrupt),
        (b"\x1a", Action::Pause),
    ] {
        let found: Vec<_> = keys(&[bytes]).into_iter().map(action).collect();
        assert_eq!(found, [Some(meant)], "{bytes:?}");
    }
}

#[test]
fn characters_modifiers_and_what_is_no_key() {
    assert_eq!(keys(&["é€🦀".as_bytes()]), ['é', '€', '🦀'].map(|c| plain(KeyCode::Char(c))));
    assert_eq!(keys(&[b"\x1bq"]), [KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT)]);
    assert_eq!(keys(&[b"\x1b[1;5A"]), [KeyEvent::new(KeyCode::Up, KeyModifiers::CONTROL)]);
    assert_eq!(keys(&[b"\x7f\x08"]), [plain(KeyCode::Backspace); 2]);
    // Focus, mouse, an answer to a question about colours, a half of UTF-8: nothing; what
    // follows is taken.
    assert_eq!(keys(&[b"\x1b[I\x1b[<0;1;1M\x1b[?62;c\xffq"]), [plain(KeyCode::Char('q'))]);
    assert_eq!(keys(&[b"\x1b[12\x1b[Aq"]), [plain(KeyCode::Up), plain(KeyCode::Char('q'))]);
    // Alt with a bracket alone waits for nothing.
    assert_eq!(keys(&[b"\x1b["]), []);
    assert_eq!(keys(&[b"\x1b\x1b"]), [plain(KeyCode::Esc); 2]);
}

#[test]
fn the_end_of_the_bytes_is_a_hang_up_after_the_last_key() {
    let (sender, bytes) = channel();
    read(&mut &b"x\x1b"[..], &sender);
    drop(sender);
    let mut heard = Keys { bytes, decoder: Decoder::default() };
    assert_eq!(heard.wait(Duration::ZERO), Heard::Key(plain(KeyCode::Char('x'))));
    assert_eq!(heard.wait(Duration::ZERO), Heard::HangUp);
    assert_eq!(heard.wait(Duration::from_secs(9)), Heard::HangUp);
}

proptest! {
    #[test]
    fn where_the_bytes_are_cut_does_not_matter(
        bytes in prop::collection::vec(
            prop_oneof![7 => prop::sample::select(b"\x1b[O;5~A"), 1 => any::<u8>()],
            0..40,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let at = cut.index(bytes.len() + 1);
        prop_assert_eq!(keys(&[&bytes[..at], &bytes[at..]]), keys(&[&bytes]));
    }
}

"""Each text is read once, whichever guards ask; a very long one is not kept."""

from llmops_plugins.caching.guards.reading import LONGEST_KEPT, Reading, differ_in_little, read


def test_a_part_is_made_once_for_a_text():
    made = []

    def length(reading: Reading) -> int:
        made.append(reading.text)
        return len(reading.words)

    text = "How many times is this very text read?"
    assert [read(text).part(length), read(text).part(length)] == [8, 8]
    assert made == [text]


def test_a_long_text_is_read_afresh_so_that_what_is_kept_stays_small():
    assert read("a" * LONGEST_KEPT) is read("a" * LONGEST_KEPT)
    assert read("a" * (LONGEST_KEPT + 1)) is not read("a" * (LONGEST_KEPT + 1))


def test_wording_differs_in_little_whatever_its_endings_and_small_words():
    assert differ_in_little(read("Do you ship the parcels to Norway?"), read("is a parcel shipped to Sweden"))
    assert not differ_in_little(
        read("Do you ship to Norway?"), read("Which countries receive your deliveries?")
    )


def test_a_title_ends_no_sentence():
    assert [word.text for word in read("Dr. Marsh left. She is out.").words if word.begins] == ["Dr", "She"]

//! A page's headings and links, as GitHub and mdBook read them.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::BTreeMap;

fn events(page: &str) -> Parser<'_> {
    Parser::new_ext(page, Options::ENABLE_TABLES)
}

/// The targets of a page's links and images.
pub(crate) fn links(page: &str) -> Vec<String> {
    events(page)
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(dest_url.into_string())
            }
            _ => None,
        })
        .collect()
}

/// The texts of a page's headings, or of its paragraphs, outside of lists and tables.
fn texts(page: &str, headings: bool) -> Vec<String> {
    let mut texts = Vec::new();
    let mut open = None;
    for event in events(page) {
        match event {
            Event::Start(Tag::Heading { .. }) if headings => open = Some(String::new()),
            Event::Start(Tag::Paragraph) if !headings => open = Some(String::new()),
            Event::End(TagEnd::Heading(_) | TagEnd::Paragraph) => texts.extend(open.take()),
            Event::Text(text) | Event::Code(text) => {
                open.iter_mut().for_each(|open| open.push_str(&text));
            }
            Event::SoftBreak => open.iter_mut().for_each(|open| open.push(' ')),
            _ => {}
        }
    }
    texts
}

/// The title of a page.
pub(crate) fn title(page: &str) -> String {
    texts(page, true).into_iter().next().unwrap_or_default()
}

/// The first sentence of a page.
pub(crate) fn first_sentence(page: &str) -> String {
    let text = texts(page, false).into_iter().next().unwrap_or_default();
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].to_owned()
}

/// What links to a page may have behind `#`: letters and digits of headings in lower case, hyphens
/// for spaces, and a number where a heading has come before.
pub(crate) fn anchors(page: &str) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let ids = texts(page, true).into_iter().map(|text| {
        let id: String = text
            .chars()
            .filter_map(|c| match c {
                '_' | '-' => Some(c),
                c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
                c if c.is_whitespace() => Some('-'),
                _ => None,
            })
            .collect();
        let times: &mut u32 = seen.entry(id.clone()).or_default();
        *times += 1;
        match *times {
            1 => id,
            times => format!("{id}-{}", times - 1),
        }
    });
    ids.collect()
}

#[test]
fn headings_and_links_are_read_as_a_browser_shows_them() {
    let page = "# The `One`\n\nText [a](b.md#c)\nmore. Rest\n\n## Over 1,000\n## Over 1,000\n\
                ```\n# no heading [x](y)\n```\n| a |\n| - |\n| ![p](q.svg) |\n";
    assert_eq!(anchors(page), ["the-one", "over-1000", "over-1000-1"]);
    assert_eq!(links(page), ["b.md#c", "q.svg"]);
    assert_eq!(title(page), "The One");
    assert_eq!(first_sentence(page), "Text a more.");
}

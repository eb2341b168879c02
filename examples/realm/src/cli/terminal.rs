//! The terminal: a line editor in a thread of its own, and printing above its prompt.

use super::{command::VERBS, lines_of};
use parking_lot::Mutex;
use rustyline::{
    CompletionType, Config, Context, Editor, ExternalPrinter, Helper, completion::Completer,
    error::ReadlineError, highlight::Highlighter, hint::Hinter, history::MemHistory,
    validate::Validator,
};
use std::{sync::Arc, thread};
use tokio::sync::{mpsc, oneshot};

/// How many lines can be called back.
const HISTORY: usize = 200;

pub(super) struct Terminal {
    pub(super) lines: Lines,
    pub(super) printer: Printer,
}

/// Asks for lines.
pub(super) struct Lines {
    prompts: mpsc::Sender<String>,
    lines: mpsc::Receiver<Result<String, ReadlineError>>,
    /// What can follow a command.
    words: Arc<Mutex<Vec<String>>>,
}

/// Prints, above the prompt if there is one at the moment.
pub(super) struct Printer(Box<dyn ExternalPrinter + Send>);

impl Terminal {
    /// Starts the editor's thread. It ends with this, once the line that it may be reading is
    /// finished.
    pub(super) async fn start() -> Result<Self, ReadlineError> {
        let (prompts, asked) = mpsc::channel(1);
        let (read, lines) = mpsc::channel(1);
        let (ready, printer) = oneshot::channel();
        let words = Arc::<Mutex<Vec<String>>>::default();
        let known = Words(words.clone());
        thread::Builder::new()
            .name("prompt".to_owned())
            .spawn(move || edit(known, ready, asked, &read))?;
        let printer = printer.await.map_err(|_| ReadlineError::Eof)??;
        Ok(Self {
            lines: Lines {
                prompts,
                lines,
                words,
            },
            printer: Printer(printer),
        })
    }

    pub(super) fn print(&mut self, text: &str) {
        self.printer.print(text);
    }
}

impl Printer {
    pub(super) fn print(&mut self, text: &str) {
        // A terminal that is gone ends the next line as well.
        let _ = self.0.print(lines_of(text) + "\n");
    }
}

impl Lines {
    /// The next line. `None` at the end, which is Ctrl-D.
    pub(super) async fn line(
        &mut self,
        prompt: String,
        words: Vec<String>,
    ) -> Result<Option<String>, ReadlineError> {
        *self.words.lock() = words;
        loop {
            if self.prompts.send(prompt.clone()).await.is_err() {
                return Ok(None);
            }
            match self.lines.recv().await {
                Some(Ok(line)) => return Ok(Some(line)),
                // Ctrl-C throws the line away.
                Some(Err(ReadlineError::Interrupted)) => {}
                Some(Err(ReadlineError::Eof)) | None => return Ok(None),
                Some(Err(error)) => return Err(error),
            }
        }
    }
}

type Ready = oneshot::Sender<Result<Box<dyn ExternalPrinter + Send>, ReadlineError>>;

fn edit(
    words: Words,
    ready: Ready,
    mut asked: mpsc::Receiver<String>,
    read: &mpsc::Sender<Result<String, ReadlineError>>,
) {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(HISTORY)
        .map(rustyline::config::Builder::build);
    let made = config.and_then(|config| {
        let mut editor = Editor::with_history(config.clone(), MemHistory::with_config(&config))?;
        editor.set_helper(Some(words));
        let printer = editor.create_external_printer()?;
        Ok((editor, printer))
    });
    let mut editor = match made {
        Ok((editor, printer)) => {
            if ready.send(Ok(Box::new(printer))).is_err() {
                return;
            }
            editor
        }
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    while let Some(prompt) = asked.blocking_recv() {
        let line = editor.readline(&prompt);
        if let Ok(line) = &line
            && super::command::shown(line).as_deref() == Some(line.trim())
        {
            // A line with a password is not kept.
            let _ = editor.add_history_entry(line.as_str());
        }
        if read.blocking_send(line).is_err() {
            return;
        }
    }
}

/// Completes commands, and names of what is around.
struct Words(Arc<Mutex<Vec<String>>>);

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> Result<(usize, Vec<String>), ReadlineError> {
        let line = line.get(..at).unwrap_or(line);
        Ok(complete(line, &self.0.lock()))
    }
}

/// Where the last word of a line begins, and what may be meant by it.
fn complete(line: &str, words: &[String]) -> (usize, Vec<String>) {
    let begins = |text: &str, start: &str| {
        let head = text.get(..start.len());
        head.is_some_and(|it| it.eq_ignore_ascii_case(start))
    };
    match line.split_once(' ') {
        None => {
            let verbs = VERBS.iter().map(|it| it.name);
            let verbs = verbs.filter(|it| begins(it, line));
            (0, verbs.map(|it| format!("{it} ")).collect())
        }
        Some((verb, rest)) => {
            let start = verb.len() + 1;
            let names: Vec<String> = match verb {
                "help" => VERBS.iter().map(|it| it.name.to_owned()).collect(),
                _ => words.to_vec(),
            };
            let names = names.into_iter().filter(|it| begins(it, rest));
            (start, names.collect())
        }
    }
}

impl Helper for Words {}
impl Highlighter for Words {}
impl Validator for Words {}
impl Hinter for Words {
    type Hint = String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_things_are_completed() {
        let words = ["Berta".to_owned(), "brown egg".to_owned()];
        assert_eq!(complete("mo", &words), (0, vec!["move ".to_owned()]));
        assert_eq!(complete("detail b", &words), (7, words.to_vec()));
        let egg = vec!["brown egg".to_owned()];
        assert_eq!(complete("take brown e", &words), (5, egg));
        let help = vec!["whisper".to_owned(), "who".to_owned()];
        assert_eq!(complete("help wh", &words), (5, help));
    }
}

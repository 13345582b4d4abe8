//! A mistake, by the path of the setting that it is in; the place in the text is looked up when all
//! are known.

/// One step on the way from the root of a file to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a table.
    Key(String),
    /// Into a list.
    Index(usize),
}

/// What of a setting is underlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Its key.
    Name,
    /// Its value.
    Value,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mistake {
    /// From the root; or from the value that was being set, until its callers have added their
    /// steps.
    pub path: Vec<Step>,
    pub at: At,
    /// A lower-case fragment with the offending value.
    pub problem: String,
    /// What would be legal, where the problem does not say it.
    pub note: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Other settings that it takes to understand it.
    pub also: Vec<Vec<Step>>,
    /// Of an unknown key: the known one that it was most likely meant to be.
    pub meant: Option<Step>,
    /// Settings that this could not be said without: where one of them is wrong itself, or
    /// misspelt, this only follows from that.
    pub after: Vec<Vec<Step>>,
}

impl Mistake {
    /// A mistake in a value.
    pub(crate) fn value(problem: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            at: At::Value,
            problem: problem.into(),
            note: None,
            hint: None,
            also: Vec::new(),
            meant: None,
            after: Vec::new(),
        }
    }

    /// A mistake in a key.
    pub(crate) fn name(problem: impl Into<String>) -> Self {
        Self { at: At::Name, ..Self::value(problem) }
    }

    /// With what to do.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// With what to do, where that is known.
    pub(crate) fn maybe_hint(self, hint: Option<String>) -> Self {
        Self { hint: hint.or(self.hint.clone()), ..self }
    }

    /// With what would be legal.
    pub(crate) fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// With the settings (dotted) that it is said because of.
    pub(crate) fn after(self, keys: &[&str]) -> Self {
        Self { after: keys.iter().map(|key| steps(key)).collect(), ..self }
    }

    /// One step nearer to the root.
    pub(crate) fn under(mut self, step: Step) -> Self {
        self.path.insert(0, step);
        self
    }

    /// Under the setting with this path.
    pub(crate) fn below(mut self, path: &[Step]) -> Self {
        self.path.splice(0..0, path.iter().cloned());
        self
    }
}

/// Mistakes without those that only follow from another: one slip is told once.
pub(super) fn without_follow_ups(mistakes: Vec<Mistake>) -> Vec<Mistake> {
    let touched: Vec<Vec<Step>> = mistakes
        .iter()
        .filter(|mistake| mistake.after.is_empty())
        .map(|mistake| {
            let mut path = mistake.path.clone();
            if let (Some(meant), Some(last)) = (&mistake.meant, path.last_mut()) {
                last.clone_from(meant);
            }
            path
        })
        .collect();
    let follows = |mistake: &Mistake| {
        mistake.after.iter().any(|cause| touched.iter().any(|path| cause.starts_with(path)))
    };
    mistakes.into_iter().filter(|mistake| !follows(mistake)).collect()
}

/// The steps of a dotted key: `model.hidden_size`.
pub(super) fn steps(dotted: &str) -> Vec<Step> {
    dotted.split('.').map(|name| Step::Key(name.to_owned())).collect()
}

/// The step into a table.
pub(super) fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

/// Settings that are in range each but do not fit together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clash {
    /// Dotted keys of those involved, the one to change first.
    pub keys: Vec<&'static str>,
    pub problem: String,
    pub hint: Option<String>,
}

impl Clash {
    /// Of these settings.
    pub(crate) fn new(keys: &[&'static str], problem: impl Into<String>) -> Self {
        Self { keys: keys.to_vec(), problem: problem.into(), hint: None }
    }

    /// With what to do.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

//! What a container runs, and as whom.

use crate::containers::environment;
use crate::containers::image::{Files, ImageConfig};
use crate::containers::sandbox::Program;
use crate::virt::kinds::text;

use super::Run;

impl Run {
    /// What is to be run, from the image and the container.
    pub(super) fn program(
        &self,
        config: &ImageConfig,
        files: &Files,
        variables: Vec<(String, String)>,
    ) -> Result<Program, String> {
        let known = variables.iter().cloned().collect();
        let words = |field: &str| -> Option<Vec<String>> {
            let list = self.container[field].as_array().filter(|list| !list.is_empty())?;
            Some(list.iter().map(|word| environment::expand(text(word), &known)).collect())
        };
        let (command, arguments) = match (words("command"), words("args")) {
            (Some(command), arguments) => (command, arguments.unwrap_or_default()),
            (None, Some(arguments)) => (config.entrypoint.clone(), arguments),
            (None, None) => (config.entrypoint.clone(), config.command.clone()),
        };
        let mut all: Vec<String> = command.into_iter().chain(arguments).collect();
        if all.is_empty() && matches!(files, Files::Tools { .. }) {
            all.push("sh".to_owned());
        }
        if all.is_empty() {
            return Err("no command specified".to_owned());
        }
        let (user, group) = self.user(config, files);
        let folder = match (text(&self.container["workingDir"]), config.folder.as_str()) {
            ("", "") => "/",
            ("", folder) | (folder, _) => folder,
        };
        Ok(Program { command: all, variables, folder: folder.to_owned(), user, group })
    }

    /// Who it runs as: numbers, or names that the image knows.
    fn user(&self, config: &ImageConfig, files: &Files) -> (u32, u32) {
        let pod = self.shared.pod();
        let asked = |field: &str| {
            let own = self.container["securityContext"][field].as_u64();
            let whole = pod.as_ref().and_then(|pod| pod["spec"]["securityContext"][field].as_u64());
            own.or(whole).and_then(|id| u32::try_from(id).ok())
        };
        let (user, group) = config.user.split_once(':').unwrap_or((&config.user, ""));
        let lines = |name: &str| match files {
            Files::Image { folder, .. } => {
                std::fs::read_to_string(folder.join("files/etc").join(name)).unwrap_or_default()
            }
            _ => String::new(),
        };
        let find = |file: &str, name: &str| -> Option<(u32, u32)> {
            let text = lines(file);
            let line = text.lines().find(|line| {
                let mut parts = line.split(':');
                parts.next() == Some(name) || parts.nth(1) == Some(name)
            })?;
            let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap_or(0));
            Some((numbers.next()?, numbers.next().unwrap_or(0)))
        };
        let (image_user, its_group) = match user {
            "" => (0, 0),
            name => find("passwd", name).unwrap_or_else(|| (name.parse().unwrap_or(0), 0)),
        };
        let image_group = match group {
            "" => its_group,
            name => find("group", name).map_or_else(|| name.parse().unwrap_or(0), |(group, _)| group),
        };
        (asked("runAsUser").unwrap_or(image_user), asked("runAsGroup").unwrap_or(image_group))
    }
}

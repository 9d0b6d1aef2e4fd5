// completion: what the command line can say, as a script for bash, zsh or fish.
#include <algorithm>
#include <span>

#include <CLI/CLI.hpp>

#include "cli/cli.h"

namespace penstock {
namespace {

constexpr std::string_view kTakeFiles[] = {"file",     "state",      "ca-file",         "tls-cert", "tls-key", "token-file",
                                             "join-token-file", "page", "log", "compare", "events", "replay", "snapshot"};
constexpr std::string_view kTakeKinds[] = {"get", "describe", "delete", "watch"};

bool one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Verbs that people use: not those that agents start.
std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_name().empty() && !sub->get_group().empty(); });
}

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::App* verb : verbs_of(app)) words += " " + verb->get_name();
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += " --" + name;
  }
  return words.substr(1);
}

// Words after a verb: its own verbs and options, and kinds where a kind is due.
std::string for_bash(const CLI::App& app) {
  std::string script =
      "# Completion of penstock: source this, or put it into /etc/bash_completion.d/penstock.\n"
      "_penstock() {\n"
      "  local word=\"${COMP_WORDS[COMP_CWORD]}\" verb=\"\" i words\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    [[ ${COMP_WORDS[i]} == -* ]] || { verb=\"${COMP_WORDS[i]}\"; break; }\n"
      "  done\n"
      "  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n";
  script += fmt::format("    -f|--{}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", fmt::join(kTakeFiles, "|--"));
  script += "    -o|--output) COMPREPLY=($(compgen -W \"table json yaml\" -- \"$word\")); return ;;\n";
  script += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n", fmt::join(kTakeKinds, "|"),
                        fmt::join(kind_names(), " "));
  script += "  esac\n  case \"$verb\" in\n";
  for (const CLI::App* verb : verbs_of(app)) script += fmt::format("    {}) words=\"{}\" ;;\n", verb->get_name(), words_of(*verb));
  script += fmt::format("    *) words=\"{}\" ;;\n", words_of(app));
  script += "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -F _penstock penstock\n";
  return script;
}

// zsh runs bash's functions by its own bashcompinit.
std::string for_zsh(const CLI::App& app) {
  return "# Completion of penstock: source this after compinit.\nautoload -U +X bashcompinit && bashcompinit\n" + for_bash(app);
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

void add_fish_options(std::string& script, const CLI::App& app, const std::string& when) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      script += fmt::format("complete -c penstock{} -l {}", when, name);
      for (const std::string& letter : option->get_snames()) script += " -s " + letter;
      if (name == "output") {
        script += " -x -a 'table json yaml'";
      } else if (option->get_items_expected_max() > 0) {
        script += one_of(kTakeFiles, name) ? " -r -F" : " -x";
      }
      script += fmt::format(" -d {}\n", in_quotes(option->get_description()));
    }
  }
}

std::string for_fish(const CLI::App& app) {
  std::string script =
      "# Completion of penstock: put this into ~/.config/fish/completions/penstock.fish.\n"
      "complete -c penstock -f\n";
  add_fish_options(script, app, "");
  for (const CLI::App* verb : verbs_of(app)) {
    script += fmt::format("complete -c penstock -n __fish_use_subcommand -a {} -d {}\n", verb->get_name(), in_quotes(verb->get_description()));
    const std::string when = fmt::format(" -n '__fish_seen_subcommand_from {}'", verb->get_name());
    for (const CLI::App* next : verbs_of(*verb)) {
      script += fmt::format("complete -c penstock{} -a {} -d {}\n", when, next->get_name(), in_quotes(next->get_description()));
    }
    add_fish_options(script, *verb, when);
  }
  script += fmt::format("complete -c penstock -n '__fish_seen_subcommand_from {}' -a '{}'\n", fmt::join(kTakeKinds, " "),
                        fmt::join(kind_names(), " "));
  return script;
}

}  // namespace

void add_completion_verb(CLI::App& app) {
  auto shell = std::make_shared<std::string>("bash");
  auto* verb = app.add_subcommand("completion", "Print a script that completes this command in a shell");
  verb->add_option("shell", *shell, "bash, zsh or fish")->capture_default_str()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([&app, shell] {
    fmt::print("{}", *shell == "fish" ? for_fish(app) : *shell == "zsh" ? for_zsh(app) : for_bash(app));
  });
}

}  // namespace penstock

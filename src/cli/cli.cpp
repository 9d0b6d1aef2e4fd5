// The tree of commands.
#include "cli/cli.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>

#include <CLI/CLI.hpp>

#include "base/files.h"
#include "base/name.h"
#include "server/server.h"

namespace penstock {

std::string url_path(std::string_view name) {
  std::string out;
  for (std::string_view part : split_path(name)) out += (out.empty() ? "" : "/") + url_encode(part);
  return out;
}

namespace {

// Adds the .csv files that stand beside the documents and are mentioned in one of them: the server, which alone reads
// documents, finds the series there that they name by `file`.
Status add_data_files(std::vector<SourceText>& sources) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> texts;  // of the documents, by folder as written before their names
  std::set<std::string> given;
  for (const SourceText& source : sources) {
    given.insert(source.file);
    const std::size_t folder = source.file.rfind('/');
    texts[folder == std::string::npos ? "" : source.file.substr(0, folder + 1)] += source.text;
  }
  for (const auto& [folder, text] : texts) {
    if (text.find(".csv") == std::string::npos) continue;
    std::vector<std::string> names;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, failed)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".csv") && text.find(name) != std::string::npos) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (given.contains(folder + name)) continue;
      PENSTOCK_TRY(data, read_file(folder + name));
      sources.push_back({folder + name, std::move(data)});
    }
  }
  return ok_status();
}

}  // namespace

Result<std::vector<SourceText>> read_sources(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<SourceText> sources;
  const auto add = [&sources](const std::string& path) -> Status {
    PENSTOCK_TRY(text, read_file(path));
    sources.push_back({path, std::move(text)});
    return ok_status();
  };
  for (const std::string& path : paths) {
    std::error_code failed;
    if (path == "-") {
      std::stringstream text;
      text << std::cin.rdbuf();
      sources.push_back({"standard input", text.str()});
    } else if (fs::is_directory(path, failed)) {
      std::vector<std::string> files;
      for (const auto& entry : fs::directory_iterator(path, failed)) {
        const std::string extension = entry.path().extension();
        if (extension == ".yaml" || extension == ".yml" || extension == ".json") files.push_back(entry.path());
      }
      std::sort(files.begin(), files.end());
      if (files.empty()) return make_error(Code::kNotFound, fmt::format("{} holds no .yaml, .yml or .json file", path));
      for (const std::string& file : files) PENSTOCK_RETURN_IF_ERROR(add(file));
    } else {
      PENSTOCK_RETURN_IF_ERROR(add(path));
    }
  }
  PENSTOCK_RETURN_IF_ERROR(add_data_files(sources));
  return sources;
}

void Cli::with_client(const std::function<int(ApiClient&)>& verb) {
  auto client = connect(flags);
  exit_code = client.ok() ? verb(*client) : fail(client.error());
}

int run_cli(int argc, char** argv) {
  Cli cli;
  CLI::App app{"Penstock: the control plane of a GPU cloud", "penstock"};
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  app.fallthrough();
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    const CLI::App* deepest = failed;
    while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
    std::string name = deepest->get_name();
    for (const CLI::App* up = deepest->get_parent(); up != nullptr; up = up->get_parent()) name = up->get_name() + " " + name;
    return fmt::format("error: {}\nsee `{} --help`\n", error.what(), name);
  });
  app.add_option("--server", cli.flags.server, "server to talk to, e.g. http://127.0.0.1:7440 (or PENSTOCK_SERVER)");
  app.add_option("--token", cli.flags.token, "bearer token (or PENSTOCK_TOKEN; a token on the command line can be seen by others)");
  app.add_option("--ca-file", cli.flags.ca_file, "PEM file of authorities to trust for https");
  app.add_option("--context", cli.flags.context, "context of the configuration file to use");
  app.add_option("--reason", cli.flags.reason, "why, for the audit log: goes with everything that is changed");
  app.add_option("-o,--output", cli.format, "table, json or yaml")->check(CLI::IsMember({"table", "json", "yaml"}));
  app.footer("Every command also takes --server, --token, --ca-file, --context, --reason and -o; see `penstock --help`.\n"
             "Exit codes: 0 done, 1 refused or failed, 2 usage. Documentation: docs/ in the source tree.");
  add_object_verbs(app, cli);
  add_job_verbs(app, cli);
  add_system_verbs(app, cli);
  add_access_verbs(app, cli);
  add_daemon_verbs(app, cli);
  add_node_test_verb(app, cli);
  add_billing_verbs(app, cli);
  add_power_verbs(app, cli);
  add_fleet_verbs(app, cli);
  add_book_verbs(app, cli);
  add_verify_verb(app, cli);
  add_simulate_verb(app, cli);
  add_bench_verbs(app, cli);
  add_exchange_verbs(app, cli);
  add_bmc_verbs(app, cli);
  add_completion_verb(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return cli.exit_code;
}

}  // namespace penstock

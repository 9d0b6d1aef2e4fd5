// The command line: verbs first, one function a verb.
#pragma once

#include "cli/context.h"
#include "cli/output.h"
#include "spec/document.h"

namespace CLI {
class App;
}

namespace penstock {

/// Exit codes: 0 done, 1 refused or failed, 2 usage.
int run_cli(int argc, char** argv);

/// What verbs share. `exit_code` is set by the verb that ran.
struct Cli {
  GlobalFlags flags;
  std::string format = "table";
  int exit_code = 0;

  Format output() const { return format == "json" ? Format::kJson : format == "yaml" ? Format::kYaml : Format::kTable; }
  /// Runs `verb` with a connected client.
  void with_client(const std::function<int(ApiClient&)>& verb);
};

void add_object_verbs(CLI::App& app, Cli& cli);    // apply get describe delete watch
void add_job_verbs(CLI::App& app, Cli& cli);       // submit logs cancel explain
void add_system_verbs(CLI::App& app, Cli& cli);    // top version
void add_access_verbs(CLI::App& app, Cli& cli);    // login logout whoami token audit
void add_daemon_verbs(CLI::App& app, Cli& cli);    // server agent dev shim
void add_node_test_verb(CLI::App& app, Cli& cli);  // node-test
void add_bench_verbs(CLI::App& app, Cli& cli);     // bench
void add_billing_verbs(CLI::App& app, Cli& cli);   // invoice usage month ledger budget meter adjust
void add_power_verbs(CLI::App& app, Cli& cli);     // power maintenance repower
void add_fleet_verbs(CLI::App& app, Cli& cli);     // cordon uncordon drain verify-node mend node replace fleet ticket
void add_book_verbs(CLI::App& app, Cli& cli);      // quote book
void add_verify_verb(CLI::App& app, Cli& cli);     // verify
void add_simulate_verb(CLI::App& app, Cli& cli);   // simulate
void add_exchange_verbs(CLI::App& app, Cli& cli);  // import export
void add_bmc_verbs(CLI::App& app, Cli& cli);       // bmc
void add_completion_verb(CLI::App& app);           // completion

/// The kinds that get, describe, delete and watch take, in the plural.
std::vector<std::string> kind_names();

/// `a/b/c` as it stands in a URL.
std::string url_path(std::string_view name);

/// All files named by -f: files, directories (their .yaml, .yml and .json, in order), and - for standard input; and the
/// .csv files beside them that they mention.
Result<std::vector<SourceText>> read_sources(const std::vector<std::string>& paths);

}  // namespace penstock

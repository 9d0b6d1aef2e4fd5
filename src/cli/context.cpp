// Contexts of the CLI.
#include "cli/context.h"

#include <cstdlib>
#include <filesystem>

#include "base/files.h"

namespace penstock {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

}  // namespace

std::string config_path() {
  std::string base = environment("XDG_CONFIG_HOME");
  if (base.empty()) base = environment("HOME") + "/.config";
  return base + "/penstock/config.json";
}

Result<std::string> read_token(const std::string& path) {
  PENSTOCK_TRY(text, read_file(path));
  return text.substr(0, text.find_last_not_of(" \r\n\t") + 1);
}

Result<CliConfig> load_config() {
  if (!exists(config_path())) return CliConfig{};
  auto config = read_json_file<CliConfig>(config_path());
  if (!config.ok()) {
    Error error = std::move(config).error();
    error.file = config_path();
    return error;
  }
  return config;
}

Status save_config(const CliConfig& config) {
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(config_path()).parent_path(), failed);
  return write_file(config_path(), to_json(config) + "\n", Lasting::kPowerLoss);
}

Result<Context> resolve_context(const GlobalFlags& flags) {
  PENSTOCK_TRY(config, load_config());
  Context context;
  const std::string name = flags.context.empty() ? config.current : flags.context;
  if (!name.empty()) {
    const auto found = config.contexts.find(name);
    if (found == config.contexts.end()) {
      return make_error(Code::kNotFound, fmt::format("there is no context '{}' in {}; see `penstock login --help`", name, config_path()));
    }
    context = found->second;
  }
  const std::string server = flags.server.empty() ? environment("PENSTOCK_SERVER") : flags.server;
  // A token is for one server: naming another leaves the stored one at home.
  if (!server.empty() && server != context.server) context = Context{server, {}, {}, {}};
  if (context.server.empty()) context.server = "http://127.0.0.1:7440";
  const std::string token = flags.token.empty() ? environment("PENSTOCK_TOKEN") : flags.token;
  if (!token.empty()) context.token = token;
  if (!flags.ca_file.empty()) context.ca_file = flags.ca_file;
  if (context.token.empty() && !context.token_file.empty()) {
    PENSTOCK_TRY(token_text, read_token(context.token_file));
    context.token = std::move(token_text);
  }
  return context;
}

Result<ApiClient> connect(const GlobalFlags& flags) {
  PENSTOCK_TRY(context, resolve_context(flags));
  ApiClientOptions options;
  options.server = context.server;
  options.token = context.token;
  options.ca_file = context.ca_file;
  options.reason = flags.reason;
  return ApiClient(std::move(options));
}

}  // namespace penstock

// Which server to talk to, and as whom: flags, then the environment, then ~/.config/penstock/config.json.
#pragma once

#include "client/api_client.h"

namespace penstock {

struct Context {
  std::string server;
  std::string token;
  std::string token_file;
  std::string ca_file;

  static constexpr auto schema() {
    return object("Context", "One server and a way to be known to it.",
                  field("server", &Context::server, required, "http://host:port"),
                  field("token", &Context::token, optional, "bearer token"),
                  field("tokenFile", &Context::token_file, optional, "or a file that holds it"),
                  field("caFile", &Context::ca_file, optional, "authorities to trust"));
  }
};

struct CliConfig {
  std::string current;
  std::map<std::string, Context> contexts;

  static constexpr auto schema() {
    return object("CliConfig", "The CLI's contexts.", field("current", &CliConfig::current, optional, "used unless told otherwise"),
                  field("contexts", &CliConfig::contexts, optional, "by name"));
  }
};

/// What every command takes.
struct GlobalFlags {
  std::string server;
  std::string token;
  std::string ca_file;
  std::string context;
  std::string reason;
};

std::string config_path();
Result<CliConfig> load_config();
/// Mode 0600, since it may hold tokens.
Status save_config(const CliConfig& config);
Result<Context> resolve_context(const GlobalFlags& flags);
Result<ApiClient> connect(const GlobalFlags& flags);
/// A token that stands alone in a file, without the white space around its end.
Result<std::string> read_token(const std::string& path);

}  // namespace penstock

// server, agent, dev, and the shim that agents start for every task.
#include <atomic>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "agent/agent.h"
#include "agent/shim.h"
#include "cli/cli.h"
#include "redfish/redfish_control.h"
#include "server/server.h"
#include "spec/checks.h"

namespace penstock {
namespace {

struct DaemonFlags {
  std::string state = "var";
  std::string store_country;
  std::string listen = "127.0.0.1:7440";
  std::string console = find_console();
  std::string certificate, key;
  OidcOptions oidc;
  std::string bmc_ca_file;
  std::string webhook, webhook_secret, webhook_types = "usage,budget,invoice", webhook_tenant;
  std::string node = "workstation/h1/k1/n1";
  std::string join_token_file, address, task_user;
  std::string task_dir;
  RemedyOptions remedies;
  std::string reset_command, metrics;
  std::string log_format = "text";
  bool task_user_given = false;
  bool probe = false;
};

void set_up_log(const DaemonFlags& flags) {
  auto logger = spdlog::stderr_logger_mt("penstock");
  logger->set_pattern(flags.log_format == "json" ? R"({"at":"%Y-%m-%dT%H:%M:%S.%f","level":"%l","message":"%v"})"
                                                 : "%Y-%m-%dT%H:%M:%S.%e %l %v");
  spdlog::set_default_logger(std::move(logger));
}

// Signals are waited for, not handled: no code runs where it must not. Before any thread is started.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

void wait_for(const sigset_t& set) {
  int signal = 0;
  sigwait(&set, &signal);
  spdlog::info("stopping signal={}", signal);
}

// As many connections as the system lets this process have files open, besides those of the store.
std::size_t connections_possible() {
  constexpr std::size_t kOwnFiles = 512;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return HttpOptions{}.most_connections;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1'000'000;
  return std::clamp<std::size_t>(limit.rlim_cur, 2 * kOwnFiles, 1'000'000) - kOwnFiles;
}

Result<ServerOptions> server_options(const DaemonFlags& flags) {
  ServerOptions options;
  options.state_dir = flags.state;
  Problems problems;
  if (!flags.store_country.empty()) check_country(problems, "store-country", flags.store_country);
  if (!problems.empty()) return problems.take();
  options.store_country = flags.store_country;
  const std::size_t colon = flags.listen.rfind(':');
  const std::string port = colon == std::string::npos ? "" : flags.listen.substr(colon + 1);
  int number = -1;
  const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (bad != std::errc() || end != port.data() + port.size() || number < 0 || number > 65535) {
    return make_error(Code::kInvalid, fmt::format("expected ADDRESS:PORT such as 127.0.0.1:7440, found '{}'", flags.listen), "listen");
  }
  options.http.address = flags.listen.substr(0, colon);
  if (options.http.address.starts_with('[') && options.http.address.ends_with(']')) {
    options.http.address = options.http.address.substr(1, options.http.address.size() - 2);
  }
  options.http.port = static_cast<std::uint16_t>(number);
  options.http.most_connections = connections_possible();
  options.console = flags.console;
  if (flags.certificate.empty() != flags.key.empty()) {
    return make_error(Code::kInvalid, fmt::format("--tls-cert and --tls-key go together; add {}", flags.key.empty() ? "--tls-key FILE" : "--tls-cert FILE"));
  }
  options.http.certificate_file = flags.certificate;
  options.http.key_file = flags.key;
  if (flags.oidc.issuer.empty() != flags.oidc.audience.empty()) {
    return make_error(Code::kInvalid, fmt::format("--oidc-issuer and --oidc-audience go together; add {}", flags.oidc.issuer.empty() ? "--oidc-issuer URL" : "--oidc-audience ID"));
  }
  if (!flags.oidc.issuer.empty()) options.oidc = flags.oidc;
  options.hardware = [ca_file = flags.bmc_ca_file](std::function<void()> on_results) {
    RedfishControlOptions control;
    control.ca_file = ca_file;
    control.on_results = std::move(on_results);
    return std::make_unique<RedfishControl>(std::move(control));
  };
  if (!flags.webhook.empty()) {
    WebhookOptions& webhook = options.webhook.emplace();
    webhook.url = flags.webhook;
    webhook.secret_file = flags.webhook_secret;
    webhook.tenant = flags.webhook_tenant;
    webhook.topics.clear();
    for (const std::string& name : CLI::detail::split(flags.webhook_types, ',')) {
      const auto topic = enum_from_name<WebhookTopic>(name);
      if (!topic) return make_error(Code::kInvalid, fmt::format("expected usage, budget, invoice or fleet, found '{}'", name), "webhook-types");
      webhook.topics.insert(*topic);
    }
  }
  return options;
}

AgentOptions agent_options(const DaemonFlags& flags) {
  AgentOptions options;
  options.node = flags.node;
  options.address = flags.address;
  options.version = kVersion;
  if (flags.task_user_given) options.task_user = flags.task_user;
  return options;
}

int run_server(const DaemonFlags& flags) {
  set_up_log(flags);
  const sigset_t signals = block_signals();
  auto options = server_options(flags);
  if (!options.ok()) return fail(options.error(), kUsage);
  auto server = Server::start(std::move(*options));
  if (!server.ok()) return fail(server.error());
  spdlog::info("serving url={} state={}", (*server)->url(), flags.state);
  wait_for(signals);
  return 0;
}

int run_agent(const DaemonFlags& flags, const GlobalFlags& global) {
  set_up_log(flags);
  const sigset_t signals = block_signals();
  AgentOptions options = agent_options(flags);
  options.server = global.server.empty() ? "http://127.0.0.1:7440" : global.server;
  options.ca_file = global.ca_file;
  options.state_dir = flags.state + "/agent";
  options.remedies = flags.remedies;
  if (!flags.reset_command.empty()) options.remedies.reset_command = flags.reset_command;
  options.metrics = flags.metrics;
  if (!flags.join_token_file.empty()) {
    auto token = read_token(flags.join_token_file);
    if (!token.ok()) return fail(token.error());
    options.join_token = std::move(*token);
  }
  std::atomic<bool> stop = false;
  std::thread waiting([&] {
    wait_for(signals);
    stop = true;
  });
  Agent agent(std::move(options));
  Status done = agent.run(stop);
  if (!stop) pthread_kill(waiting.native_handle(), SIGTERM);
  waiting.join();
  return done.ok() ? 0 : fail(done.error());
}

// The CLI finds this server from now on, unless it has been told of another.
Status remember_context(const Server& server) {
  PENSTOCK_TRY(config, load_config());
  std::error_code failed;
  config.contexts["dev"] = {server.url(), {}, std::filesystem::absolute(server.operator_token_file(), failed).string(), {}};
  if (config.current.empty()) config.current = "dev";
  return save_config(config);
}

int run_dev(const DaemonFlags& flags) {
  set_up_log(flags);
  const sigset_t signals = block_signals();
  auto options = server_options(flags);
  if (!options.ok()) return fail(options.error(), kUsage);
  auto started = Server::start(std::move(*options));
  if (!started.ok()) return fail(started.error());
  Server& server = **started;
  if (Status saved = remember_context(server); !saved.ok()) {
    spdlog::warn("no context saved error=\"{}\"", to_string(saved.error()));
  }

  // This machine is one of the estate's hardware types.
  const Machine machine = read_machine();
  Document type = node_type_document(machine, *find_devices(kNvmlLibrary, machine.cores));
  if (auto applied = execute_and_wait(server.core(), ApplyDocuments{{std::move(type)}, false}, "server"); !applied.ok()) {
    return fail(applied.error());
  }
  NewToken join = make_token(Role::kNode, "join of the built-in agent", server.core().now());
  join.record.issuer = "server";
  join.record.expires = join.record.created + hours(24);
  if (auto issued = execute_and_wait(server.core(), IssueToken{join.record}, "server"); !issued.ok()) return fail(issued.error());

  AgentOptions agent_of = agent_options(flags);
  agent_of.server = server.url();
  agent_of.state_dir = flags.state + "/agent";
  agent_of.join_token = join.text;
  std::atomic<bool> stop = false;
  Status agent_done = ok_status();
  std::thread agent([&] {
    agent_done = Agent(std::move(agent_of)).run(stop);
    if (!agent_done.ok()) kill(getpid(), SIGTERM);
  });
  spdlog::info("serving url={} state={} node={}", server.url(), flags.state, flags.node);
  wait_for(signals);
  stop = true;
  agent.join();
  return agent_done.ok() ? 0 : fail(agent_done.error());
}

int probe(Format format) {
  const Machine machine = read_machine();
  const Document document = node_type_document(machine, *find_devices(kNvmlLibrary, machine.cores));
  print_json(document_json(document), format == Format::kTable ? Format::kYaml : format);
  return 0;
}

}  // namespace

void add_daemon_verbs(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<DaemonFlags>();
  const auto log_option = [flags](CLI::App* verb) {
    verb->add_option("--log-format", flags->log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
  };
  const auto server_flags = [flags](CLI::App* verb) {
    verb->add_option("--state", flags->state, "directory of the state; made if it is missing")->capture_default_str();
    verb->add_option("--store-country", flags->store_country,
                     "country in which that directory and its archives lie, e.g. GB: tenants and contracts that are bound to others are refused");
    verb->add_option("--listen", flags->listen, "ADDRESS:PORT; loopback unless told")->capture_default_str();
    verb->add_option("--console", flags->console, "directory of the web console's built assets; beside this program unless told");
    verb->add_option("--tls-cert", flags->certificate, "PEM certificate chain: serve https");
    verb->add_option("--tls-key", flags->key, "PEM private key");
    verb->add_option("--bmc-ca-file", flags->bmc_ca_file, "authorities that management controllers are known by (PEM); the system's if absent");
    auto* hook = verb->add_option("--webhook", flags->webhook, "https address that is told of usage, budgets, invoices and the fleet (CloudEvents)");
    auto* key = verb->add_option("--webhook-secret-file", flags->webhook_secret, "key of its signatures: whsec_ and base64, or 24 bytes at least");
    hook->needs(key);
    key->needs(hook);
    verb->add_option("--webhook-types", flags->webhook_types, "of usage, budget, invoice and fleet, with commas")->capture_default_str();
    verb->add_option("--webhook-tenant", flags->webhook_tenant, "only what is about this tenant");
    verb->add_option("--oidc-issuer", flags->oidc.issuer, "OpenID provider where people log in: its issuer, an https URL");
    verb->add_option("--oidc-audience", flags->oidc.audience, "our client id there");
    verb->add_option("--oidc-claim", flags->oidc.groups_claim, "claim that lists the groups of who logs in")->capture_default_str();
    verb->add_option("--oidc-scope", flags->oidc.scopes, "scope to ask for; may repeat; openid, profile and email unless told");
    verb->add_option("--oidc-ca-file", flags->oidc.ca_file, "PEM file of authorities to trust for the provider");
  };
  const auto agent_flags = [flags](CLI::App* verb) {
    verb->add_option("--node", flags->node, "site/hall/rack/node that this machine is")->capture_default_str();
    verb->add_option("--address", flags->address, "address by which tasks on other nodes reach this one");
    verb->add_option("--task-user", flags->task_user, "user that tasks run as; nobody if the agent is root")->each([flags](const std::string&) {
      flags->task_user_given = true;
    });
  };

  auto* dev = app.add_subcommand("dev", "Server and agent of this machine in one process, for a first look and for one machine");
  server_flags(dev);
  agent_flags(dev);
  log_option(dev);
  dev->callback([&cli, flags] { cli.exit_code = run_dev(*flags); });

  auto* server = app.add_subcommand("server", "The control plane");
  server_flags(server);
  log_option(server);
  server->callback([&cli, flags] { cli.exit_code = run_server(*flags); });

  auto* agent = app.add_subcommand("agent", "The node's side: keeps the lease, runs the tasks");
  agent->add_option("--state", flags->state, "directory of the agent's state and its tasks")->capture_default_str();
  agent->add_option("--join-token-file", flags->join_token_file, "token of role node; needed for the first registration");
  agent->add_flag("--probe", flags->probe, "only print this machine as a NodeType and exit");
  agent->add_option("--metrics", flags->metrics, "HOST:PORT, or a port of loopback, where Prometheus may ask for the devices' metrics; off unless told");
  agent->add_flag("--remedies", flags->remedies.allowed, "let the server order resets, reboots and reprovisioning of this node");
  agent->add_option("--reset-command", flags->reset_command, "shell command that resets device {device}; nvidia-smi for NVIDIA's unless told");
  agent->add_option("--reboot-command", flags->remedies.reboot_command, "shell command that reboots the node")->capture_default_str();
  agent->add_option("--reprovision-command", flags->remedies.reprovision_command, "shell command that installs the node anew; none unless told");
  agent_flags(agent);
  log_option(agent);
  agent->callback([&cli, flags] { cli.exit_code = flags->probe ? probe(cli.output()) : run_agent(*flags, cli.flags); });

  auto* shim = app.add_subcommand("shim", "Started by agents, one for each task")->group("");
  shim->add_option("task-dir", flags->task_dir)->required();
  shim->callback([&cli, flags] { cli.exit_code = shim_main(flags->task_dir); });
}

}  // namespace penstock

// The HTTP API: one table of operations, from which requests are routed, authorised, documented and counted.
#pragma once

#include "server/api/http.h"
#include "server/core/core.h"
#include "server/metrics.h"

namespace penstock {

/// What an operation lets its caller do; the table of roles is in docs/api.md.
enum class Right {
  kNone,          ///< no credential needed
  kAuthenticated, ///< any valid token
  kReadEstate,    ///< sites, node types, nodes, capacity, metrics, the event log
  kReadTenancy,   ///< tenants, projects, contracts, jobs, usage: of the own tenant, or all
  kWriteObjects,  ///< apply and delete
  kWriteJobs,     ///< submit and cancel, in the own tenant
  kReadTokens,    ///< list tokens
  kWriteTokens,   ///< issue and revoke: the operator any, a tenant-admin those of its tenant
  kBeNode,        ///< the agent protocol
};

/// Whether the role holds the right at all; which objects it reaches is the handlers' concern.
bool role_has(Role role, Right right);

struct QueryParameter {
  std::string_view name;
  std::string_view doc;
};

class Api;

/// One request with everything that handlers need.
struct Call {
  HttpRequest request;
  Principal principal;
  std::vector<std::string> path;  ///< values of the pattern's {…} in order
  std::map<std::string, std::string> query;
  Respond respond;

  /// Those names joined by '/': the object's name.
  std::string name() const;
  CommandMeta meta() const;
  /// Whether the caller may see what belongs to `tenant`.
  bool sees(std::string_view tenant) const;
};

struct Operation {
  std::string_view method;
  std::string_view pattern;  ///< /v1/jobs/{tenant}/{project}/{job}
  std::string_view id;
  std::string_view tag;
  std::string_view summary;
  Right right;
  std::vector<QueryParameter> query;
  std::string_view body_type;      ///< content type of the request body; empty: none
  json::object body;               ///< its schema
  int status;                      ///< of success
  std::string_view response_type;  ///< content type of success
  json::object response;           ///< its schema
  void (Api::*handler)(std::shared_ptr<Call>);
};

class Api {
 public:
  Api(Core& core, Metrics& metrics, std::string version);

  /// Answers every request, exactly once, on any thread. Never throws.
  void handle(HttpRequest incoming, Respond respond);

  const std::vector<Operation>& operations() const { return operations_; }
  const std::string& openapi() const { return openapi_; }

 private:
  void build();
  std::string build_openapi(const json::object& definitions) const;
  const Operation* route(std::string_view method, const std::vector<std::string>& path, std::vector<std::string>& values,
                         std::string& allowed) const;

  // System
  void health(std::shared_ptr<Call> call);
  void ready(std::shared_ptr<Call> call);
  void openapi(std::shared_ptr<Call> call);
  void schema(std::shared_ptr<Call> call);
  void version(std::shared_ptr<Call> call);
  void whoami(std::shared_ptr<Call> call);
  void metrics(std::shared_ptr<Call> call);
  void events(std::shared_ptr<Call> call);
  void list_snapshots(std::shared_ptr<Call> call);
  void read_snapshot(std::shared_ptr<Call> call);
  // Objects
  void apply(std::shared_ptr<Call> call);
  template <Kind kind>
  void list_objects(std::shared_ptr<Call> call);
  template <Kind kind>
  void get_object(std::shared_ptr<Call> call);
  template <Kind kind>
  void delete_object(std::shared_ptr<Call> call);
  // Jobs
  void submit_text(std::shared_ptr<Call> call);
  void submit_job(std::shared_ptr<Call> call);
  void submit_batch(std::shared_ptr<Call> call);
  void list_jobs(std::shared_ptr<Call> call);
  void get_job(std::shared_ptr<Call> call);
  void cancel_job(std::shared_ptr<Call> call);
  void hold_job(std::shared_ptr<Call> call);
  void release_job(std::shared_ptr<Call> call);
  void suspend_job(std::shared_ptr<Call> call);
  void of_job(std::shared_ptr<Call> call, const std::function<Command(const std::string&, std::optional<Position>)>& make);
  void explain_job(std::shared_ptr<Call> call);
  void resize_job(std::shared_ptr<Call> call);
  void repower_job(std::shared_ptr<Call> call);
  void job_log(std::shared_ptr<Call> call);
  void list_archive(std::shared_ptr<Call> call);
  void usage(std::shared_ptr<Call> call);
  // Estate
  void list_nodes(std::shared_ptr<Call> call);
  void get_node(std::shared_ptr<Call> call);
  void capacity(std::shared_ptr<Call> call);
  void site_power(std::shared_ptr<Call> call);
  void site_loss(std::shared_ptr<Call> call);
  void site_contingencies(std::shared_ptr<Call> call);
  void plan_maintenance(std::shared_ptr<Call> call);
  // Sales
  void quote(std::shared_ptr<Call> call);
  void book(std::shared_ptr<Call> call);
  // Tokens
  void list_tokens(std::shared_ptr<Call> call);
  void issue_token(std::shared_ptr<Call> call);
  void revoke_token(std::shared_ptr<Call> call);
  // Agents
  void agent_register(std::shared_ptr<Call> call);
  void agent_sync(std::shared_ptr<Call> call);
  void agent_log(std::shared_ptr<Call> call);

  void execute(std::shared_ptr<Call> call, Command command, int status);
  void submit(std::shared_ptr<Call> call, SubmitJobs command);
  /// A list that is watched: what there is after `from`, then what comes. `render` gives the object as JSON, or
  /// nothing if the caller may not see it.
  void watch(std::shared_ptr<Call> call, std::string kind,
             std::function<std::optional<std::string>(Core::View&, const Notice&)> render);

  Core& core_;
  Metrics& metrics_;
  std::string version_;
  std::vector<Operation> operations_;
  std::string openapi_;
  std::string schema_;
};

}  // namespace penstock

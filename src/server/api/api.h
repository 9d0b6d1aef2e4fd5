// The HTTP API: one table of operations, from which requests are routed, authorised, documented and counted.
#pragma once

#include "server/api/http.h"
#include "server/core/core.h"
#include "server/metrics.h"

namespace penstock {

struct QueryParameter {
  std::string_view name;
  std::string_view doc;
};

class Api;
class Oidc;
struct Operation;

/// One request with everything that handlers need.
struct Call {
  HttpRequest request;
  Principal principal;
  const Operation* operation = nullptr;
  std::vector<std::string> path;  ///< values of the pattern's {…} in order
  std::map<std::string, std::string> query;
  Respond respond;
  std::uint64_t as_of = 0;  ///< TokenTable::changes() when `principal` was looked up

  /// Those names joined by '/': the object's name.
  std::string name() const;
  CommandMeta meta() const;
  /// Whether the caller has the operation's right over what belongs to `owner`: a tenant, or `tenant/project` and
  /// whatever lies below it.
  bool reaches(std::string_view owner) const;
  /// Why it is refused where it does not: as what does not exist, unless the caller may read it.
  Error out_of_reach(std::string_view kind, std::string_view object, std::string_view owner) const;
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
  /// `oidc` is null where nobody can log in; else it is stopped before this is destroyed.
  Api(Core& core, Metrics& metrics, std::string version, Oidc* oidc = nullptr);

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
  void replace_task(std::shared_ptr<Call> call);
  void job_log(std::shared_ptr<Call> call);
  void list_archive(std::shared_ptr<Call> call);
  void usage(std::shared_ptr<Call> call);
  // Accounts
  void list_usage_rows(std::shared_ptr<Call> call);
  void list_invoices(std::shared_ptr<Call> call);
  void get_invoice(std::shared_ptr<Call> call);
  void focus(std::shared_ptr<Call> call);
  void list_months(std::shared_ptr<Call> call);
  void get_month(std::shared_ptr<Call> call);
  void close_month(std::shared_ptr<Call> call);
  void ledger(std::shared_ptr<Call> call);
  void ledger_entries(std::shared_ptr<Call> call);
  void budgets(std::shared_ptr<Call> call);
  void read_meter(std::shared_ptr<Call> call);
  void adjust(std::shared_ptr<Call> call);
  // Estate
  void list_nodes(std::shared_ptr<Call> call);
  void get_node(std::shared_ptr<Call> call);
  void capacity(std::shared_ptr<Call> call);
  void topology(std::shared_ptr<Call> call);
  void targets(std::shared_ptr<Call> call);
  void overview(std::shared_ptr<Call> call);
  void floor(std::shared_ptr<Call> call);
  void site_power(std::shared_ptr<Call> call);
  void site_loss(std::shared_ptr<Call> call);
  void site_contingencies(std::shared_ptr<Call> call);
  void plan_maintenance(std::shared_ptr<Call> call);
  // Fleet
  void cordon_node(std::shared_ptr<Call> call);
  void uncordon_node(std::shared_ptr<Call> call);
  void drain_node(std::shared_ptr<Call> call);
  void cordon(std::shared_ptr<Call> call, bool cordon, bool drain);
  void move_node(std::shared_ptr<Call> call);
  void mend_node(std::shared_ptr<Call> call);
  void release_node(std::shared_ptr<Call> call);
  void begin_wave(std::shared_ptr<Call> call);
  void switch_wave(std::shared_ptr<Call> call);
  void list_waves(std::shared_ptr<Call> call);
  void get_wave(std::shared_ptr<Call> call);
  void fleet(std::shared_ptr<Call> call);
  void list_fleet_rules(std::shared_ptr<Call> call);
  void stop_fleet(std::shared_ptr<Call> call);
  void resume_fleet(std::shared_ptr<Call> call);
  void switch_fleet(std::shared_ptr<Call> call, bool stop);
  void list_tickets(std::shared_ptr<Call> call);
  void get_ticket(std::shared_ptr<Call> call);
  void close_ticket(std::shared_ptr<Call> call);
  void list_incidents(std::shared_ptr<Call> call);
  void get_incident(std::shared_ptr<Call> call);
  // Sales
  void quote(std::shared_ptr<Call> call);
  void book(std::shared_ptr<Call> call);
  // Access
  void login_info(std::shared_ptr<Call> call);
  void login(std::shared_ptr<Call> call);
  void logout(std::shared_ptr<Call> call);
  void audit(std::shared_ptr<Call> call);
  void list_tokens(std::shared_ptr<Call> call);
  void issue_token(std::shared_ptr<Call> call);
  void revoke_token(std::shared_ptr<Call> call);
  // Agents
  void agent_register(std::shared_ptr<Call> call);
  void agent_sync(std::shared_ptr<Call> call);
  void agent_log(std::shared_ptr<Call> call);

  void execute(std::shared_ptr<Call> call, Command command, int status);
  /// Whether a caller who is told things over time may still be told: what it may do follows its token and its grants.
  bool still_may(Call& call);
  void submit(std::shared_ptr<Call> call, SubmitJobs command);
  /// A list that is watched: what there is after `from`, then what comes. `render` gives the object as JSON, or
  /// nothing if the caller may not see it.
  void watch(std::shared_ptr<Call> call, std::string kind,
             std::function<std::optional<std::string>(Core::View&, const Notice&)> render);

  Core& core_;
  Metrics& metrics_;
  std::string version_;
  Oidc* oidc_;
  std::vector<Operation> operations_;
  std::string openapi_;
  std::string schema_;
};

}  // namespace penstock

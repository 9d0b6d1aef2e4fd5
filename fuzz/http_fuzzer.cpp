// Any bytes as an HTTP request: it is parsed as the server parses it, and the API answers it exactly once.
// The first byte chooses who asks, so that what lies behind the roles is reached too.
#include <atomic>
#include <future>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>

#include "journal/memory/memory_journal.h"
#include "server/api/api.h"

using namespace penstock;

namespace {

namespace http = boost::beast::http;

constexpr std::string_view kEstate = R"(
{apiVersion: penstock/v1, kind: NodeType, metadata: {name: t}, spec: {devices: {model: h200, count: 8}, cpu: 64, memory: 1TiB, power: {idle: 2kW, max: 10kW}}}
---
{apiVersion: penstock/v1, kind: Site, metadata: {name: s}, spec: {country: GB, runtime: simulated, halls: [{name: h, rows: [{name: r, racks: [{name: k, nodes: [{name: "n[1-2]", type: t}]}]}]}]}}
---
{apiVersion: penstock/v1, kind: Tenant, metadata: {name: a}, spec: {}}
---
{apiVersion: penstock/v1, kind: Project, metadata: {name: a/p}, spec: {}}
---
{apiVersion: penstock/v1, kind: Contract, metadata: {name: a/c}, spec: {class: on-demand, pricePerGpuHour: 1 USD}}
)";

struct World {
  std::atomic<std::int64_t> clock{1'700'000'000'000'000'000};
  Metrics metrics;
  std::unique_ptr<Core> core;
  std::unique_ptr<Api> api;
  std::vector<std::string> tokens{""};

  World() {
    CoreOptions options;
    // Every look at the clock is a minute later: nothing that waits for time waits long.
    options.clock = [this] { return Time{clock += minutes(1).count()}; };
    core = std::make_unique<Core>(std::move(options), std::make_unique<MemoryJournal>());
    PENSTOCK_CHECK(core->start().ok());
    api = std::make_unique<Api>(*core, metrics, "fuzz");
    auto documents = read_documents({{"estate", std::string(kEstate)}});
    PENSTOCK_CHECK(documents.ok());
    run(ApplyDocuments{std::move(*documents), false});
    for (Role role : {Role::kOperator, Role::kAuditor, Role::kTenantAdmin, Role::kMember, Role::kViewer, Role::kNode}) {
      NewToken token = make_token(role, "fuzz", Time{clock});
      if (is_tenant_role(role)) token.record.tenant = "a";
      tokens.push_back(token.text);
      run(IssueToken{token.record});
    }
  }

  void run(Command command) {
    std::promise<bool> done;
    core->execute(std::move(command), CommandMeta{}, [&done](Result<Reply> reply) { done.set_value(reply.ok()); });
    PENSTOCK_CHECK(done.get_future().get());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World& world = *new World;
  if (size == 0) return 0;
  http::request_parser<http::string_body> parser;
  parser.header_limit(16 << 10);
  parser.body_limit(1 << 20);
  parser.eager(true);
  boost::system::error_code failed;
  parser.put(boost::asio::buffer(data + 1, size - 1), failed);
  if (failed || !parser.is_done()) return 0;
  const auto message = parser.release();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) request.headers[std::string(field.name_string())] = std::string(field.value());
  const std::string& token = world.tokens[data[0] % world.tokens.size()];
  if (!token.empty()) request.headers["authorization"] = "Bearer " + token;
  request.body = message.body();

  auto answered = std::make_shared<std::promise<int>>();
  world.api->handle(std::move(request), [answered](HttpResponse response) {
    if (response.stream) response.stream->leave();
    answered->set_value(response.status);
  });
  auto status = answered->get_future();
  PENSTOCK_CHECK(status.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  PENSTOCK_CHECK(status.get() != 500);
  return 0;
}

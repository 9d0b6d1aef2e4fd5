// The server under test, its store and its raw peers.
#include "stack.h"

#include <chrono>
#include <future>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/server.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kEstate = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: hgx}
spec: {devices: {model: h200, count: 8}, cpu: 64, memory: 512GiB, power: {idle: 800W, max: 8kW}}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: north}
spec:
  country: NO
  runtime: simulated
  halls: [{name: h1, rows: [{name: r1, racks: [{name: k1, nodes: [{name: "n[1-2]", type: hgx}]}]}]}]
---
apiVersion: penstock/v1
kind: Site
metadata: {name: lab}
spec:
  country: GB
  runtime: agent
  halls: [{name: h1, rows: [{name: r1, racks: [{name: k1, nodes: [{name: n1, type: hgx}]}]}]}]
---
apiVersion: penstock/v1
kind: Tenant
metadata: {name: acme}
spec: {}
---
apiVersion: penstock/v1
kind: Tenant
metadata: {name: rival}
spec: {}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: acme/llm}
spec: {}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: rival/llm}
spec: {}
---
apiVersion: penstock/v1
kind: Contract
metadata: {name: acme/main}
spec: {class: on-demand, sites: [north], pricePerGpuHour: 2 USD}
---
apiVersion: penstock/v1
kind: Contract
metadata: {name: rival/main}
spec: {class: on-demand, sites: [north], pricePerGpuHour: 2 USD}
)";

Error store_trouble() { return make_error(Code::kUnavailable, "no space left on device"); }

}  // namespace

Result<Recovered> TroubledJournal::recover() {
  if (trouble_ == Trouble::kFailBlind) return store_trouble();
  return store_.recover();
}

Status TroubledJournal::commit(const CommitBatch& batch) {
  const Trouble trouble = trouble_;
  if (trouble == Trouble::kNone) return store_.commit(batch);
  if (trouble != Trouble::kRefuse) {
    PENSTOCK_RETURN_IF_ERROR(store_.commit(batch));
    if (trouble == Trouble::kKeepAndFail) trouble_ = Trouble::kNone;
  }
  return store_trouble();
}

Stack::Stack() : clock(Time{1'780'000'000'000'000'000}.ns) {
  CoreOptions options;
  options.clock = [this] { return Time{clock}; };
  options.server_version = "test";
  core = std::make_unique<Core>(std::move(options), std::make_unique<TroubledJournal>(trouble));
  PENSTOCK_CHECK(core->start().ok());
  metrics.follow(*core);
  api = std::make_unique<Api>(*core, metrics, "test");
  auto documents = read_documents({{"estate.yaml", std::string(kEstate)}});
  PENSTOCK_CHECK(documents.ok());
  PENSTOCK_CHECK(execute_and_wait(*core, ApplyDocuments{std::move(*documents), false}, "test").ok());
  const auto issue = [this](const std::string& who, Role role, const std::string& tenant) {
    NewToken token = make_token(role, who, core->now());
    token.record.tenant = tenant;
    PENSTOCK_CHECK(execute_and_wait(*core, IssueToken{token.record}, "test").ok());
    tokens_[who] = token.text;
  };
  issue("operator", Role::kOperator, "");
  issue("auditor", Role::kAuditor, "");
  issue("node", Role::kNode, "");
  for (const std::string tenant : {"acme", "rival"}) {
    issue(tenant + "-admin", Role::kTenantAdmin, tenant);
    issue(tenant + "-member", Role::kMember, tenant);
    issue(tenant + "-viewer", Role::kViewer, tenant);
  }
}

Stack::~Stack() {
  if (http) http->stop();
  core->stop();
}

void Stack::listen(HttpOptions options) {
  options.port = 0;
  http = std::make_unique<HttpServer>(std::move(options), *api, metrics);
  PENSTOCK_CHECK(http->start().ok());
}

std::uint16_t Stack::port() const {
  const std::string url = http->url();
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

HttpResponse Stack::ask(const std::string& who, const std::string& method, const std::string& target, const std::string& body,
                        const RequestHeaders& headers) {
  HttpRequest request{method, target, headers, body, "127.0.0.1"};
  if (!who.empty()) request.headers["authorization"] = "Bearer " + (tokens_.contains(who) ? tokens_.at(who) : who);
  auto answer = std::make_shared<std::promise<HttpResponse>>();
  auto future = answer->get_future();
  api->handle(std::move(request), [answer](HttpResponse response) { answer->set_value(std::move(response)); });
  if (future.wait_for(20s) != std::future_status::ready) {
    ADD_FAILURE() << "no answer to " << method << " " << target;
    return {.status = 0};
  }
  return future.get();
}

json::object Stack::good(const std::string& who, const std::string& method, const std::string& target, const std::string& body,
                         const RequestHeaders& headers) {
  const HttpResponse response = ask(who, method, target, body, headers);
  EXPECT_LT(response.status, 300) << method << " " << target << ": " << response.body;
  auto value = parse_json(response.body);
  return value.ok() && value->is_object() ? value->as_object() : json::object{};
}

std::string Stack::bad(const std::string& who, const std::string& method, const std::string& target, const std::string& body,
                       const RequestHeaders& headers) {
  const HttpResponse response = ask(who, method, target, body, headers);
  EXPECT_EQ(response.content_type, kProblemType) << method << " " << target << ": " << response.body;
  const auto problem = from_json_text<Problem>(response.body);
  if (!problem.ok()) return fmt::format("{} no problem", response.status);
  return fmt::format("{} {}", response.status, code_name(problem->code));
}

json::object Stack::submit(const std::string& who, const std::string& job, const RequestHeaders& headers) {
  return good(who, "POST", "/v1/jobs", job_body(job), headers);
}

void Stack::wait(Duration time) {
  clock += time.count();
  // Two turns of the loop: what the first carries out, the second finds done.
  for (int turn = 0; turn < 2; ++turn) {
    std::promise<void> read;
    core->read([&](Core::View&) { read.set_value(); });
    read.get_future().wait();
  }
}

std::string job_body(const std::string& name) {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"spec":{{"estimate":"PT1H","groups":[{{"name":"main","replicas":1,"gpus":"1"}}]}}}})", name);
}

std::string read_until(ByteStream& stream, std::string_view until) {
  std::string got;
  for (const auto deadline = std::chrono::steady_clock::now() + 5s; std::chrono::steady_clock::now() < deadline;) {
    bool over = false;
    got += stream.take(over);
    if (over || got.find(until) != std::string::npos) break;
    std::this_thread::sleep_for(2ms);
  }
  return got;
}

RawPeer::RawPeer(std::uint16_t port, int receive_buffer) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{5, 0};
  setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  PENSTOCK_CHECK(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

RawPeer::~RawPeer() { close(fd_); }

bool RawPeer::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawPeer::hear(std::string_view until, std::chrono::milliseconds patience) {
  std::string got;
  for (const auto deadline = std::chrono::steady_clock::now() + patience;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd watched{fd_, POLLIN, 0};
    if (left.count() <= 0 || poll(&watched, 1, static_cast<int>(left.count())) <= 0) return got;
    char buffer[16384];
    const ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
    if (size <= 0) return got;
    got.append(buffer, static_cast<std::size_t>(size));
    if (!until.empty() && got.find(until) != std::string::npos) return got;
  }
}

bool RawPeer::cut(std::chrono::milliseconds patience) {
  pollfd watched{fd_, POLLRDHUP, 0};
  return poll(&watched, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace penstock

// Health, identity, metrics, and watching.
#include <charconv>

#include "base/name.h"
#include "server/api/handlers.h"

namespace penstock {

Result<std::uint64_t> number(const Call& call, const std::string& name, std::uint64_t absent, std::uint64_t most) {
  const auto found = call.query.find(name);
  if (found == call.query.end()) return absent;
  std::uint64_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value <= most && (name != "limit" || value > 0)) return value;
  return make_error(Code::kInvalid, fmt::format("expected a whole number up to {}, found '{}'", most, text), name);
}

std::set<std::string> scopes_of(const Call& call, const std::string& tenant) {
  std::set<std::string> scopes;
  for (const Binding& binding : call.principal.bindings) {
    if (!role_has(binding.role, call.operation->right)) continue;
    if (!tenant.empty() && !binding.tenant.empty() && binding.tenant != tenant) continue;
    scopes.insert(binding.tenant.empty() ? tenant : binding.project.empty() ? binding.tenant : binding.tenant + "/" + binding.project);
  }
  return scopes;
}

std::string sse(std::string_view event, Position position, std::string_view data) {
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", position, event, data);
}

void Api::health(std::shared_ptr<Call> call) { call->respond(json_response(Health{"ok", ""})); }

void Api::ready(std::shared_ptr<Call> call) {
  const std::string why = core_.degraded();
  call->respond(json_response(why.empty() ? Health{"ok", ""} : Health{"degraded", "the store refuses writes: " + why}, why.empty() ? 200 : 503));
}

void Api::openapi(std::shared_ptr<Call> call) {
  HttpResponse response;
  response.body = openapi_;
  call->respond(std::move(response));
}

void Api::schema(std::shared_ptr<Call> call) {
  HttpResponse response;
  response.body = schema_;
  call->respond(std::move(response));
}

void Api::version(std::shared_ptr<Call> call) { call->respond(json_response(VersionInfo{version_, "v1"})); }

void Api::whoami(std::shared_ptr<Call> call) {
  const Principal& p = call->principal;
  const Binding strongest = p.bindings.empty() ? Binding{} : p.bindings.front();
  Identity identity{p.token_id, p.name, p.principal, std::nullopt, strongest.tenant, strongest.project, p.node, p.bindings, p.expires};
  if (!p.bindings.empty()) identity.role = strongest.role;
  call->respond(json_response(identity));
}

void Api::metrics(std::shared_ptr<Call> call) {
  core_.read([this, call](Core::View& view) {
    HttpResponse response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = metrics_.text(view, core_.counters(), !core_.degraded().empty());
    call->respond(std::move(response));
  });
}

void Api::watch(std::shared_ptr<Call> call, std::string kind,
                std::function<std::optional<std::string>(Core::View&, const Notice&)> render) {
  if (const auto last = call->request.headers.find("last-event-id"); last != call->request.headers.end()) {
    call->query["from"] = last->second;
  }
  auto from = number(*call, "from", 0, ~std::uint64_t{0} >> 1);
  if (!from.ok()) return refuse(call, from.error());
  const bool given = call->query.contains("from");
  core_.read([this, call, kind = std::move(kind), render = std::move(render), from = *from, given](Core::View& view) {
    HttpResponse response;
    response.content_type = "text/event-stream";
    response.stream = std::make_shared<ByteStream>();
    auto stream = response.stream;
    const Position start = given ? from : view.state.facts().position;
    auto missed = view.hub.since(start);
    if (!missed.ok()) return refuse(call, missed.error());

    // Objects are told as they are now.
    const auto tell = [this, call, stream, kind, render](Core::View& now, const Notice& notice) {
      if (notice.kind != kind) return;
      if (!still_may(*call)) return stream->finish();
      if (auto object = render(now, notice)) stream->push(sse(notice.removed ? "removed" : "changed", notice.position, *object));
    };
    for (const Notice& notice : *missed) tell(view, notice);
    stream->push(sse("position", view.state.facts().position, "{}"));

    const std::uint64_t id = view.hub.subscribe([this, tell](const Notice& notice) {
      core_.read([tell, notice](Core::View& now) { tell(now, notice); });
    });
    stream->on_left([this, id] { core_.read([id](Core::View& later) { later.hub.unsubscribe(id); }); });
    call->respond(std::move(response));
  });
}

}  // namespace penstock

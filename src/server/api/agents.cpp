// The agent protocol: a node's token reaches that node and nothing else.
#include "server/api/handlers.h"

namespace penstock {

void Api::agent_register(std::shared_ptr<Call> call) {
  auto body = body_of<AgentHello>(*call);
  if (!body.ok()) return refuse(call, body.error());
  if (!call->principal.node.empty() && call->principal.node != body->node) {
    return refuse(call, make_error(Code::kForbidden, fmt::format("this token belongs to node '{}'", call->principal.node), "node"));
  }
  NewToken token = make_token(Role::kNode, body->node, core_.now());
  token.record.node = body->node;
  token.record.issuer = call->principal.id();
  CommandMeta meta = call->meta();
  meta.idempotency_key.clear();  // a repeat must get a working token: it registers anew
  core_.execute(RegisterNode{std::move(*body), token.record}, std::move(meta), [this, call, text = token.text](Result<Reply> reply) {
    if (!reply.ok()) return refuse(call, reply.error());
    core_.read([call, text, registration = reply->changes.front().uid](Core::View& view) {
      call->respond(json_response(AgentWelcome{text, registration, view.state.facts().epoch}, 201));
    });
  });
}

void Api::agent_sync(std::shared_ptr<Call> call) {
  auto body = body_of<SyncRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  const std::string node = call->principal.node;
  if (node.empty()) {
    return refuse(call, make_error(Code::kForbidden, "a join token only registers a node; sync with the token from the registration"));
  }
  CommandMeta meta = call->meta();
  meta.asked.reset();
  meta.idempotency_key.clear();  // syncs are repeatable by nature, and too many to remember
  SyncNode command{node, body->registration, body->revision, std::move(body->tasks), std::move(body->findings), std::move(body->remedies)};
  const Epoch seen = body->epoch;
  core_.execute(std::move(command), std::move(meta), [this, call, node, seen, request = std::move(*body)](Result<Reply> reply) {
    if (!reply.ok()) return refuse(call, reply.error());
    core_.read([call, node, seen, request](Core::View& view) {
      if (seen > view.state.facts().epoch) {
        return refuse(call, make_error(Code::kConflict, fmt::format("the node has seen epoch {}, this server has {}: it is not the leader any more", seen,
                                                                    view.state.facts().epoch)));
      }
      view.agents.wait_for_orders(view.state, node, request, view.now, [call](SyncReply orders) { call->respond(json_response(orders)); });
    });
  });
}

void Api::agent_log(std::shared_ptr<Call> call) {
  auto offset = number(*call, "offset", 0, ~std::uint64_t{0} >> 1);
  if (!offset.ok()) return refuse(call, offset.error());
  std::uint64_t id = 0;
  call->query["reading"] = call->path.front();
  auto reading = number(*call, "reading", 0, ~std::uint64_t{0} >> 1);
  if (!reading.ok()) return refuse(call, reading.error());
  id = *reading;
  core_.read([call, id, offset = *offset](Core::View& view) {
    const bool more = view.agents.log_bytes(call->principal.node, id, call->request.body, static_cast<std::int64_t>(offset), flag(*call, "end"));
    call->respond(json_response(LogAccepted{more}));
  });
}

}  // namespace penstock

// Tokens: who may issue which, and who sees them.
#include "server/api/handlers.h"

namespace penstock {
namespace {

constexpr Duration kLongestValidity = hours(24 * 3650);

// The operator reaches all tokens, a tenant-admin those of its tenant.
bool reaches(const Principal& principal, const TokenRecord& token) {
  if (is_tenant_role(principal.role)) return is_tenant_role(token.role) && token.tenant == principal.tenant;
  return true;
}

}  // namespace

void Api::list_tokens(std::shared_ptr<Call> call) {
  auto limit = page_limit(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  core_.read([call, most = *limit](Core::View& view) {
    TokenPage page;
    page.position = view.state.facts().position;
    const auto& tokens = view.state.facts().tokens;
    for (auto at = tokens.upper_bound(text(*call, "cursor")); at != tokens.end(); ++at) {
      if (!reaches(call->principal, at->second)) continue;
      if (page.items.size() == most) {
        page.next = page.items.back().id;
        break;
      }
      page.items.push_back(token_view(at->second));
    }
    call->respond(json_response(page));
  });
}

void Api::issue_token(std::shared_ptr<Call> call) {
  auto body = body_of<TokenRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  const Principal& principal = call->principal;
  if (body->name.empty() || body->name.size() > 100) {
    return refuse(call, make_error(Code::kInvalid, "a token needs a name of 1 to 100 characters", "name"));
  }
  if (is_tenant_role(body->role) != !body->tenant.empty()) {
    return refuse(call, make_error(Code::kInvalid, is_tenant_role(body->role)
                                                       ? "this role is bound to a tenant: name it"
                                                       : "this role is bound to no tenant: leave it out",
                                   "tenant"));
  }
  if (principal.role == Role::kTenantAdmin && (!is_tenant_role(body->role) || body->tenant != principal.tenant)) {
    return refuse(call, make_error(Code::kForbidden, "a tenant-admin issues tokens of tenant-admin, member and viewer for its own tenant only", "role"));
  }
  if (body->valid_for && (body->valid_for->count() == 0 || *body->valid_for > kLongestValidity)) {
    return refuse(call, make_error(Code::kInvalid, "a token is valid for more than nothing and at most ten years (P3650D)", "validFor"));
  }
  NewToken token = make_token(body->role, body->name, core_.now());
  token.record.tenant = body->tenant;
  token.record.issuer = principal.id();
  if (body->valid_for) token.record.expires = token.record.created + *body->valid_for;
  core_.execute(IssueToken{token.record}, call->meta(), [call, token = token.text](Result<Reply> reply) {
    if (!reply.ok()) return refuse(call, reply.error());
    call->respond(json_response(IssuedToken{reply->changes.front().name, reply->repeated ? std::string() : token}, 201));
  });
}

void Api::revoke_token(std::shared_ptr<Call> call) {
  const std::string id = call->name();
  core_.read([this, call, id](Core::View& view) {
    const auto found = view.state.facts().tokens.find(id);
    if (found == view.state.facts().tokens.end() || !reaches(call->principal, found->second)) {
      return refuse(call, unknown("Token", id));
    }
    execute(call, RevokeToken{id}, 200);
  });
}

}  // namespace penstock

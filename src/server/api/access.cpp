// Tokens, logging in and out, and the audit log: who may issue and see which.
#include <algorithm>

#include "base/name.h"
#include "server/api/handlers.h"
#include "server/auth/oidc.h"

namespace penstock {
namespace {

constexpr Duration kLongestValidity = hours(24 * 3650);
constexpr Duration kLongestSession = hours(8);

// Tokens without a tenant are the provider's.
std::string_view owner_of_token(const TokenRecord& token) {
  return token.tenant.empty() ? scope_of(token.principal) : std::string_view(token.tenant);
}

// A token that stands for itself has a role, and the role its scope.
Status check_scope(const TokenRequest& body) {
  const auto refused = [](std::string message, std::string path) { return make_error(Code::kInvalid, std::move(message), std::move(path)); };
  const bool of_tenant = body.role && is_tenant_role(*body.role);
  if (!body.principal.empty()) PENSTOCK_RETURN_IF_ERROR(check_name(Kind::kPrincipal, body.principal));
  if (!body.role && body.principal.empty()) return refused("a token needs a role, or a principal that it stands for", "role");
  if (body.role && of_tenant != !body.tenant.empty()) {
    return refused(of_tenant ? "this role is bound to a tenant: name it" : "this role is bound to no tenant: leave it out", "tenant");
  }
  if (!body.project.empty() && (body.tenant.empty() || body.role == Role::kTenantAdmin)) {
    return refused("members and viewers are bound to a project of a tenant: name the tenant and the role", "project");
  }
  if (body.role == Role::kNode && !body.principal.empty()) return refused("a node stands for no principal", "principal");
  const std::string_view scope = scope_of(body.principal);
  if (!scope.empty() && !body.tenant.empty() && body.tenant != scope) {
    return refused(fmt::format("the principal is of tenant '{}'", scope), "tenant");
  }
  return ok_status();
}

// A page whose items are texts already.
std::string page_of(const std::vector<std::string>& items, const std::string& next, Position position) {
  std::string body = fmt::format(R"({{"items":[{}])", fmt::join(items, ","));
  if (!next.empty()) body += fmt::format(R"(,"next":"{}")", next);
  return body + fmt::format(R"(,"position":{}}})", position);
}

// What a tenant is told of entries that others made about it: that the provider did it, and why.
void hide_stranger(AuditView& view) {
  view.by.clear();
  view.entry.who = "the provider";
  view.entry.principal.clear();
  view.entry.from.clear();
}

}  // namespace

void Api::list_tokens(std::shared_ptr<Call> call) {
  auto limit = page_limit(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  core_.read([this, call, most = *limit](Core::View& view) {
    TokenPage page;
    page.position = view.state.facts().position;
    const auto& tokens = view.state.facts().tokens;
    for (auto at = tokens.upper_bound(text(*call, "cursor")); at != tokens.end(); ++at) {
      if (!call->reaches(owner_of_token(at->second))) continue;
      if (page.items.size() == most) {
        page.next = page.items.back().id;
        break;
      }
      page.items.push_back(token_view(at->second, core_.tokens().last_used(at->first)));
    }
    call->respond(json_response(page));
  });
}

void Api::issue_token(std::shared_ptr<Call> call) {
  auto body = body_of<TokenRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  if (body->name.empty() || body->name.size() > 100) {
    return refuse(call, make_error(Code::kInvalid, "a token needs a name of 1 to 100 characters", "name"));
  }
  if (Status scope = check_scope(*body); !scope.ok()) return refuse(call, scope.error());
  if (body->valid_for && (body->valid_for->count() == 0 || *body->valid_for > kLongestValidity)) {
    return refuse(call, make_error(Code::kInvalid, "a token is valid for more than nothing and at most ten years (P3650D)", "validFor"));
  }
  NewToken token = make_token(body->role, body->name, core_.now());
  token.record.tenant = body->tenant.empty() ? std::string(scope_of(body->principal)) : body->tenant;
  token.record.project = body->project;
  token.record.principal = body->principal;
  token.record.issuer = call->principal.id();
  if (body->valid_for) token.record.expires = token.record.created + *body->valid_for;
  if (!body->principal.empty() && !call->reaches(scope_of(body->principal))) return refuse(call, unknown("Principal", body->principal));
  // Whatever is granted to the principal later stays within this.
  if (!may_grant(call->principal.bindings, most_of(token.record))) {
    return refuse(call, make_error(Code::kForbidden, "who issues a token gives no more than it has: a tenant-admin issues tokens of tenant-admin, member and viewer for its own tenant only", "role"));
  }
  core_.execute(IssueToken{token.record}, call->meta(), [call, token = token.text](Result<Reply> reply) {
    if (!reply.ok()) return refuse(call, reply.error());
    call->respond(json_response(IssuedToken{reply->changes.front().name, reply->repeated ? std::string() : token}, 201));
  });
}

void Api::revoke_token(std::shared_ptr<Call> call) {
  const std::string id = call->name();
  core_.read([this, call, id](Core::View& view) {
    const auto found = view.state.facts().tokens.find(id);
    if (found == view.state.facts().tokens.end() || !call->reaches(owner_of_token(found->second))) {
      return refuse(call, unknown("Token", id));
    }
    execute(call, RevokeToken{id}, 200);
  });
}

void Api::logout(std::shared_ptr<Call> call) {
  RevokeToken own{call->principal.token_id};
  execute(std::move(call), std::move(own), 200);
}

void Api::login_info(std::shared_ptr<Call> call) {
  if (oidc_ == nullptr) return refuse(call, make_error(Code::kNotFound, "this server knows no identity provider: log in with a token"));
  const OidcOptions& options = oidc_->options();
  call->respond(json_response(LoginInfo{options.issuer, options.audience, options.scopes}));
}

void Api::login(std::shared_ptr<Call> call) {
  if (oidc_ == nullptr) return refuse(call, make_error(Code::kNotFound, "this server knows no identity provider: log in with a token"));
  auto body = body_of<LoginRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  oidc_->verify(std::move(body->id_token), [this, call](Result<OidcClaims> claims) {
    if (!claims.ok()) return refuse(call, claims.error());
    core_.read([this, call, claims = std::move(*claims)](Core::View& view) {
      const Facts& facts = view.state.facts();
      NewToken token = make_token(std::nullopt, claims.name.empty() ? claims.subject : claims.name, core_.now());
      token.record.subject = claims.subject;
      token.record.groups = claims.groups;
      token.record.issuer = oidc_->options().issuer;
      token.record.expires = token.record.created + kLongestSession;
      const std::vector<Binding> bindings = bindings_of(token.record, facts.principals, facts.grants);
      if (bindings.empty()) {
        return refuse(call, make_error(Code::kForbidden, fmt::format("nothing is granted to you ({}); ask for a grant to you or to one of your groups", claims.subject)));
      }
      // Who has rights in one tenant alone is of that tenant, whose admin sees the session and may end it.
      const std::string& tenant = bindings.front().tenant;
      const bool one = std::all_of(bindings.begin(), bindings.end(), [&](const Binding& binding) { return binding.tenant == tenant; });
      if (one) token.record.tenant = tenant;
      for (const auto& [name, principal] : facts.principals) {
        if (one && principal.spec.subject == claims.subject && scope_of(name) == tenant) token.record.principal = name;
      }
      CommandMeta meta = call->meta();
      meta.idempotency_key.clear();  // a repeat must get a working token: it logs in anew
      meta.principal = "token:" + token.record.id;
      meta.asked->who = token.record.name;
      meta.asked->principal = token.record.principal;
      meta.asked->tenant = token.record.tenant;
      LoggedIn answer{token.record.id, token.text, token.record.expires, bindings};
      core_.execute(IssueToken{token.record}, std::move(meta), [call, answer = std::move(answer)](Result<Reply> reply) {
        if (!reply.ok()) return refuse(call, reply.error());
        call->respond(json_response(answer, 201));
      });
    });
  });
}

void Api::audit(std::shared_ptr<Call> call) {
  auto limit = page_limit(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  auto before = number(*call, "cursor", 0, ~std::uint64_t{0} >> 1);
  if (!before.ok()) return refuse(call, before.error());
  AuditQuery query{std::nullopt, text(*call, "principal"), text(*call, "operation"), *before, *limit + 1};
  if (call->query.contains("tenant")) query.tenant = text(*call, "tenant");
  const bool all = call->principal.may(call->operation->right, "");
  if (!all) {
    // One tenant at a time; the only one need not be named.
    std::set<std::string> own;
    for (const Binding& binding : call->principal.bindings) {
      if (role_has(binding.role, call->operation->right)) own.insert(binding.tenant);
    }
    if (!query.tenant && own.size() > 1) {
      return refuse(call, make_error(Code::kInvalid, fmt::format("name one of your tenants: {}", fmt::join(own, ", ")), "tenant"));
    }
    if (!query.tenant) query.tenant = *own.begin();
    if (!own.contains(*query.tenant)) return refuse(call, unknown("Tenant", *query.tenant));
  }
  core_.read([call, query, all, most = *limit](Core::View& view) {
    auto rows = view.journal.audit_list(query);
    if (!rows.ok()) return refuse(call, rows.error());
    const bool more = rows->size() > most;
    if (more) rows->resize(most);
    std::string next;
    std::vector<std::string> shown;
    for (std::string& row : *rows) {
      auto entry = from_json_text<AuditView>(row);
      if (!entry.ok()) return refuse(call, make_error(Code::kInternal, "an entry of the audit log cannot be read"));
      if (more) next = std::to_string(entry->position);
      if (all || entry->entry.caller_tenant == *query.tenant) {
        shown.push_back(std::move(row));
      } else if (query.who.empty()) {  // or else the question would tell who it was
        hide_stranger(*entry);
        shown.push_back(to_json(*entry));
      }
    }
    HttpResponse response;
    response.body = page_of(shown, next, view.state.facts().position);
    call->respond(std::move(response));
  });
}

}  // namespace penstock

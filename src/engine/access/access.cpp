// Issuing and revoking tokens, and who changed what.
#include "engine/access/access.h"

#include <algorithm>

#include "base/name.h"

namespace penstock {
namespace {

constexpr Duration kExpiredAge = hours(24);

// A token as the audit log shows it: nothing of its secret.
json::value shown(const TokenRecord& token) {
  json::object out{{"name", token.name}};
  if (token.role) out["role"] = name_of(*token.role);
  const auto text = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  text("tenant", token.tenant);
  text("project", token.project);
  text("principal", token.principal);
  text("subject", token.subject);
  if (token.expires) out["expires"] = Text<Time>::format(*token.expires);
  return out;
}

template <class Spec>
json::value spec_in(const ObjectMap<Spec>& map, const std::string& name) {
  const auto found = map.find(name);
  return found == map.end() ? json::value() : json::parse(to_json(found->second.spec));
}

json::value spec_of(const Facts& facts, Kind kind, const std::string& name) {
  switch (kind) {
    case Kind::kNodeType: return spec_in(facts.node_types, name);
    case Kind::kSite: return spec_in(facts.sites, name);
    case Kind::kTenant: return spec_in(facts.tenants, name);
    case Kind::kProject: return spec_in(facts.projects, name);
    case Kind::kContract: return spec_in(facts.contracts, name);
    case Kind::kRestriction: return spec_in(facts.restrictions, name);
    case Kind::kPrincipal: return spec_in(facts.principals, name);
    case Kind::kGrant: return spec_in(facts.grants, name);
    case Kind::kJob: break;
  }
  return {};
}

std::string tenant_of_token(const TokenRecord& token) {
  return token.tenant.empty() ? std::string(scope_of(token.principal)) : token.tenant;
}

}  // namespace

Result<Reply> issue_token(Step& step, const IssueToken& command) {
  const Facts& facts = step.facts();
  const TokenRecord& token = command.token;
  if (!token.tenant.empty() && !facts.tenants.contains(token.tenant)) {
    return make_error(Code::kNotFound, fmt::format("there is no tenant '{}'", token.tenant), "tenant");
  }
  if (!token.project.empty() && !facts.projects.contains(token.tenant + "/" + token.project)) {
    return make_error(Code::kNotFound, fmt::format("there is no project '{}/{}'", token.tenant, token.project), "project");
  }
  if (!token.principal.empty() && !facts.principals.contains(token.principal)) {
    return make_error(Code::kNotFound, fmt::format("there is no Principal '{}'", token.principal), "principal");
  }
  if (facts.tokens.contains(token.id)) return make_error(Code::kAlreadyExists, "this token id is taken", "id");
  // Sessions would pile up for ever: what expired a day ago goes when the next token comes.
  std::vector<std::string> expired;
  for (const auto& [id, old] : facts.tokens) {
    if (old.expires && *old.expires + kExpiredAge <= step.now()) expired.push_back(id);
  }
  for (const std::string& id : expired) step.emit(TokenRevoked{id});
  step.emit(TokenIssued{token});
  Reply reply;
  reply.changes.push_back({"Token", token.id, Uid{}, Change::kAdded, step.facts().position});
  return reply;
}

Result<Reply> revoke_token(Step& step, const RevokeToken& command) {
  if (!step.facts().tokens.contains(command.id)) {
    return make_error(Code::kNotFound, fmt::format("there is no token '{}'", command.id));
  }
  step.emit(TokenRevoked{command.id});
  Reply reply;
  reply.changes.push_back({"Token", command.id, Uid{}, Change::kRemoved, step.facts().position});
  return reply;
}

std::string access_that_names(const Facts& facts, Kind kind, const std::string& name, Time now) {
  // Whoever makes an object of the same name later must not meet keys of the earlier one.
  for (const auto& [id, grant] : facts.grants) {
    const auto& named = grant.spec.principals;
    const std::string_view scope = scope_of(id);
    const bool names = kind == Kind::kTenant    ? scope == name
                       : kind == Kind::kProject ? scope == tenant_of(name) && grant.spec.project == leaf_of(name)
                       : kind == Kind::kPrincipal
                           ? scope == scope_of(name) && std::find(named.begin(), named.end(), leaf_of(name)) != named.end()
                           : false;
    if (names) return fmt::format("grant {} names it; change or delete that first", id);
  }
  if (kind == Kind::kTenant) {
    for (const auto& [id, principal] : facts.principals) {
      if (scope_of(id) == name) return fmt::format("principal {} is of it", id);
    }
  }
  if (kind != Kind::kTenant && kind != Kind::kProject) return {};
  for (const auto& [id, token] : facts.tokens) {
    if (token.expires && *token.expires <= now) continue;
    const bool bound = kind == Kind::kTenant ? token.tenant == name : !token.project.empty() && token.tenant + "/" + token.project == name;
    if (bound) return fmt::format("token {} is bound to it; revoke it first", id);
  }
  return {};
}

void revoke_tokens_of(Step& step, const std::string& principal) {
  std::vector<std::string> tokens;
  for (const auto& [id, token] : step.facts().tokens) {
    if (token.principal == principal) tokens.push_back(id);
  }
  for (const std::string& id : tokens) step.emit(TokenRevoked{id});
}

Audit::Audit(const Facts& facts, const Command& command, const CommandMeta& meta) : command_(command) {
  if (!meta.asked) return;
  const auto note = [&](Kind kind, const std::string& name) {
    before_[{std::string(name_of(kind)), name}] = spec_of(facts, kind, name);
  };
  if (const auto* applied = std::get_if<ApplyDocuments>(&command)) {
    for (const Document& document : applied->documents) note(document.kind, document.metadata.name);
  } else if (const auto* deleted = std::get_if<DeleteObject>(&command)) {
    note(deleted->kind, deleted->name);
  } else if (const auto* revoked = std::get_if<RevokeToken>(&command)) {
    const auto found = facts.tokens.find(revoked->id);
    if (found == facts.tokens.end()) return;
    before_[{"Token", revoked->id}] = shown(found->second);
  }
}

void Audit::record(Step& step, const Reply& reply) const {
  const auto& asked = step.meta().asked;
  if (!asked || reply.dry_run) return;
  std::map<std::string, AuditRecorded> entries;  // by tenant
  for (std::size_t i = 0; i < reply.changes.size(); ++i) {
    const ObjectChange& change = reply.changes[i];
    if (change.change == Change::kUnchanged) continue;
    AuditedObject object{change.kind, change.name, change.change, {}, {}};
    const auto before = before_.find({change.kind, change.name});
    if (before != before_.end() && !before->second.is_null()) object.before = before->second;
    std::string tenant;
    if (const auto kind = enum_from_name<Kind>(change.kind)) {
      tenant = owner_of(*kind, change.name);
      if (change.change != Change::kRemoved && *kind != Kind::kJob) object.after = spec_of(step.facts(), *kind, change.name);
    } else if (const auto* issued = std::get_if<IssueToken>(&command_)) {
      tenant = tenant_of_token(issued->token);
      object.after = shown(issued->token);
    } else if (change.kind == "Token" && object.before) {
      const json::object& token = object.before->as_object();
      const auto text = [&](std::string_view key) { return token.contains(key) ? std::string(token.at(key).as_string()) : std::string(); };
      tenant = text("tenant").empty() ? std::string(scope_of(text("principal"))) : text("tenant");
    }
    AuditRecorded& entry = entries[tenant];
    if (entry.objects.size() < AuditRecorded::kMostObjects) {
      entry.objects.push_back(std::move(object));
    } else {
      ++entry.more;
    }
  }
  for (auto& [tenant, entry] : entries) {
    entry.operation = asked->operation;
    entry.who = asked->who;
    entry.principal = asked->principal;
    entry.caller_tenant = asked->tenant;
    entry.tenant = tenant;
    entry.reason = asked->reason;
    entry.from = asked->from;
    step.emit(std::move(entry));
  }
}

}  // namespace penstock

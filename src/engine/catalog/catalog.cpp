// Validation of a whole set of documents against the state they would make.
#include "engine/catalog/catalog.h"

#include <algorithm>
#include <numeric>

#include "base/name.h"
#include "engine/access/access.h"
#include "engine/contracts/contracts.h"
#include "engine/contracts/quote.h"
#include "engine/contracts/residency.h"
#include "engine/contracts/sale.h"
#include "engine/power/power.h"
#include "estate/warnings.h"

namespace penstock {
namespace {

Error at_origin(Error error, const Document& document) {
  const std::string object = fmt::format("{} {}", name_of(document.kind), document.metadata.name);
  error.file = document.origin.file.empty() ? object : document.origin.file;
  error.line = document.origin.line;
  error.column = document.origin.line > 0 ? 1 : 0;
  if (!document.origin.file.empty()) error.message = object + ": " + error.message;
  return error;
}

// Collects faults of many documents, each where it came from.
class Faults {
 public:
  void add(const Document& document, Code code, std::string path, std::string message) {
    add(at_origin(make_error(code, std::move(message), std::move(path)), document));
  }
  void add(Error error) {
    if (!first_) {
      first_ = std::move(error);
    } else if (first_->also.size() < Problems::kMost) {
      first_->also.push_back(std::move(error));
    }
  }
  std::optional<Error>& first() { return first_; }

 private:
  std::optional<Error> first_;
};

struct Stored {
  Uid uid;
  Position version = 0;
  std::string text;  // labels and spec, to see whether anything changes
};

std::string content_of(const std::map<std::string, std::string>& labels, const AnySpec& spec) {
  std::string text = to_json(labels);
  std::visit([&text](const auto& s) { write_json(text, s); }, spec);
  return text;
}

template <class Spec>
std::optional<Stored> stored_in(const ObjectMap<Spec>& map, const std::string& name) {
  const auto found = map.find(name);
  if (found == map.end()) return std::nullopt;
  return Stored{found->second.uid, found->second.version, content_of(found->second.labels, found->second.spec)};
}

std::optional<Stored> stored(const Facts& facts, Kind kind, const std::string& name) {
  switch (kind) {
    case Kind::kNodeType: return stored_in(facts.node_types, name);
    case Kind::kSite: return stored_in(facts.sites, name);
    case Kind::kTenant: return stored_in(facts.tenants, name);
    case Kind::kProject: return stored_in(facts.projects, name);
    case Kind::kContract: return stored_in(facts.contracts, name);
    case Kind::kRestriction: return stored_in(facts.restrictions, name);
    case Kind::kPrincipal: return stored_in(facts.principals, name);
    case Kind::kGrant: return stored_in(facts.grants, name);
    case Kind::kJob: break;
  }
  return std::nullopt;
}

// What one site holds, for the plan.
struct Capacity {
  std::uint32_t nodes = 0;
  std::map<std::string, std::int64_t> gpus;
  Watts draw;
};

std::map<std::string, Capacity> capacity_of(const Estate& estate) {
  std::map<std::string, Capacity> out;
  for (NodeIndex i = 0; i < estate.nodes().size(); ++i) {
    Capacity& site = out[estate.site_of(i).name];
    const NodeTypeSpec& type = estate.type_of(i).spec;
    ++site.nodes;
    site.gpus[type.devices.model] += type.devices.count;
    site.draw += type.power.max;
  }
  return out;
}

void describe_capacity(const Estate& before, const Estate& after, std::vector<std::string>& effects) {
  auto old = capacity_of(before);
  auto fresh = capacity_of(after);
  std::set<std::string> sites;
  for (const auto& [site, capacity] : old) sites.insert(site);
  for (const auto& [site, capacity] : fresh) sites.insert(site);
  for (const std::string& site : sites) {
    const Capacity& was = old[site];
    const Capacity& is = fresh[site];
    std::vector<std::string> parts;
    if (was.nodes != is.nodes) parts.push_back(fmt::format("nodes {} → {}", was.nodes, is.nodes));
    std::map<std::string, std::int64_t> models = is.gpus;
    for (const auto& [model, count] : was.gpus) models.try_emplace(model, 0);
    for (const auto& [model, count] : models) {
      const auto earlier = was.gpus.find(model);
      const std::int64_t had = earlier == was.gpus.end() ? 0 : earlier->second;
      if (had != count) parts.push_back(fmt::format("{} GPUs {} → {}", model, had, count));
    }
    if (was.draw != is.draw) {
      parts.push_back(fmt::format("node draw at most {} → {}", Text<Watts>::format(was.draw), Text<Watts>::format(is.draw)));
    }
    if (!parts.empty()) effects.push_back(fmt::format("{}: {}", site, fmt::join(parts, ", ")));
  }
}

// Nodes that hold work must go on to exist, with all that the work holds of them.
void check_held_nodes(const State& state, const Estate& after, const Document& blamed, Faults& faults) {
  for (NodeIndex i = 0; i < state.estate().nodes().size(); ++i) {
    const auto& tasks = state.loads().tasks(i);
    if (tasks.empty()) continue;
    const std::string& name = state.estate().nodes()[i].name;
    const Job& job = *state.find_job(tasks.begin()->job);
    const NodeIndex next = after.find_node(name);
    if (next == kNowhere) {
      faults.add(blamed, Code::kFailedPrecondition, "spec",
                 fmt::format("node {} would vanish while {} holds it; cancel or drain it first", name, job.name));
      return;
    }
    const NodeTypeSpec& is = state.estate().type_of(i).spec;
    const NodeTypeSpec& would_be = after.type_of(next).spec;
    if (!(would_be.devices == is.devices) || would_be.power.max != is.power.max ||
        after.site_of(next).runtime != state.estate().site_of(i).runtime) {
      faults.add(blamed, Code::kFailedPrecondition, "spec",
                 fmt::format("devices, power or runtime of node {} would change while {} holds it; cancel or drain it first",
                             name, job.name));
      return;
    }
    const auto& from = after.racks()[after.nodes()[next].rack].from;
    if (from && state.facts().limits_as_of < *from) {
      faults.add(blamed, Code::kFailedPrecondition, "spec",
                 fmt::format("node {} would not be ready before {} while {} holds it; cancel or drain it first", name,
                             Text<Time>::format(*from), job.name));
      return;
    }
    if (would_be.cpu < is.cpu - state.loads().site_of(i).free_cpu(i) || would_be.memory < is.memory - state.loads().site_of(i).free_memory(i) ||
        would_be.disk.value_or(Bytes()) < is.disk.value_or(Bytes()) - state.loads().site_of(i).free_disk(i)) {
      faults.add(blamed, Code::kFailedPrecondition, "spec",
                 fmt::format("node {} would have fewer cores, less memory or less disk than {} and others hold of it", name, job.name));
      return;
    }
  }
}

// Work that runs stays inside the countries that bind it, also when the bounds move or the site does.
void check_held_countries(const State& state, const Estate& after, const std::vector<Document>& documents, Faults& faults) {
  std::map<std::pair<Kind, std::string>, const Document*> given;
  for (const Document& document : documents) given[{document.kind, document.metadata.name}] = &document;
  const auto document_of = [&](Kind kind, std::string_view name) {
    const auto found = given.find({kind, std::string(name)});
    return found == given.end() ? nullptr : found->second;
  };
  for (const auto& entry : state.facts().jobs) {
    const Job& job = entry.second;
    if (!job.holds()) continue;
    const EstateSite& site = after.site_of(after.find_node(job.allocation->tasks.front().node));
    const Document* tenant = document_of(Kind::kTenant, tenant_of(job.name));
    const Document* contract = document_of(Kind::kContract, job.contract);
    const Document* moved = document_of(Kind::kSite, site.name);
    const auto check = [&](const Document* document, const std::vector<std::string>& countries) {
      if (document == nullptr || allows(countries, site.country)) return;
      faults.add(*document, Code::kFailedPrecondition,
                 document->kind == Kind::kSite ? "spec.country" : "spec.jurisdictions",
                 fmt::format("{} runs at {} in {} and would be outside its countries; cancel it first", job.name, site.name,
                             site.country));
    };
    const Facts& facts = state.facts();
    const auto& tenant_countries = tenant != nullptr ? std::get<TenantSpec>(tenant->spec).jurisdictions
                                                     : facts.tenants.at(std::string(tenant_of(job.name))).spec.jurisdictions;
    const auto& contract_countries = contract != nullptr ? std::get<ContractSpec>(contract->spec).jurisdictions
                                                         : facts.contracts.at(job.contract).spec.jurisdictions;
    check(tenant != nullptr ? tenant : moved, tenant_countries);
    check(contract != nullptr ? contract : moved, contract_countries);
    check(moved, job.spec.jurisdictions);
  }
}

// Restrictions name a site and parts that are there: those given now, and those that stand already.
void check_restrictions(const State& state, const Estate& after, const std::vector<Document>& documents, Faults& faults) {
  std::set<std::string> given;
  for (const Document& document : documents) {
    if (document.kind != Kind::kRestriction) continue;
    const std::string& name = document.metadata.name;
    given.insert(name);
    const SiteIndex site = after.find_site(parent_of(name));
    if (site == kNowhere) {
      faults.add(document, Code::kNotFound, "metadata.name", fmt::format("there is no site '{}'", parent_of(name)));
      continue;
    }
    const auto parts = after.find_parts(site, std::get<RestrictionSpec>(document.spec).parts);
    if (!parts.ok()) faults.add(document, parts.error().code, "spec.parts", parts.error().message);
  }
  for (const auto& [name, restriction] : state.facts().restrictions) {
    if (given.contains(name)) continue;
    const SiteIndex site = after.find_site(parent_of(name));
    if (site == kNowhere || after.find_parts(site, restriction.spec.parts).ok()) continue;
    for (const Document& document : documents) {
      if (document.kind != Kind::kSite || document.metadata.name != parent_of(name)) continue;
      faults.add(document, Code::kFailedPrecondition, "spec",
                 fmt::format("restriction {} names a part that would vanish; delete it first", name));
    }
  }
}

// A grant is for its own scope: roles, projects and principals of no other.
void check_grant(const Document& document, const std::set<std::string>& projects, const std::set<std::string>& principals, Faults& faults) {
  const auto& grant = std::get<GrantSpec>(document.spec);
  const std::string scope(scope_of(document.metadata.name));
  const std::string prefix = scope.empty() ? std::string() : scope + "/";
  if (is_tenant_role(grant.role) == scope.empty()) {
    faults.add(document, Code::kInvalid, "spec.role",
               scope.empty() ? fmt::format("a grant of the provider gives operator or auditor; one of {} is named tenant/name", name_of(grant.role))
                             : "a grant of a tenant gives tenant-admin, member or viewer");
  }
  if (!grant.project.empty() && !projects.contains(prefix + grant.project)) {
    faults.add(document, Code::kNotFound, "spec.project", fmt::format("there is no project '{}{}'", prefix, grant.project));
  }
  for (std::size_t i = 0; i < grant.principals.size(); ++i) {
    if (principals.contains(prefix + grant.principals[i])) continue;
    faults.add(document, Code::kNotFound, fmt::format("spec.principals[{}]", i),
               fmt::format("there is no Principal '{}{}'", prefix, grant.principals[i]));
  }
}

// What is granted stays within the limits that the new specs make.
void check_held_power(const State& state, const std::shared_ptr<const Estate>& after, const Document& blamed, Faults& faults) {
  for (SiteIndex site = 0; site < after->sites().size(); ++site) {
    const auto breaks = breaks_in(state, after, site);
    if (breaks.empty()) continue;
    faults.add(blamed, Code::kFailedPrecondition, "spec",
               fmt::format("limits of {} would fall below what is granted: {}; end work there first, or record a failure, a "
                           "derating or an order as a Restriction",
                           after->sites()[site].name, describe(breaks)));
    return;
  }
}

// Maintenance is allowed only where it breaks no limit.
void check_maintenance(Step& step, bool estate_changes, const std::vector<Document>& documents, Faults& faults) {
  for (const Document& document : documents) {
    if (document.kind != Kind::kRestriction) continue;
    const auto& spec = std::get<RestrictionSpec>(document.spec);
    if (spec.cause != RestrictionCause::kMaintenance) continue;
    if (estate_changes) {
      faults.add(document, Code::kInvalid, "spec.cause", "ask for maintenance apart from changes of sites and node types");
      continue;
    }
    if (*spec.until <= step.now()) {
      faults.add(document, Code::kInvalid, "spec.until", "the window has passed");
      continue;
    }
    const auto breaks = maintenance_breaks(step.state(), step.state().estate().find_site(parent_of(document.metadata.name)), spec, step.now(), document.metadata.name);
    if (!breaks.empty()) {
      faults.add(document, Code::kFailedPrecondition, "spec", fmt::format("it would break a limit in its window: {}", describe(breaks)));
    }
  }
}

// Whether a change of the document may change what the book says.
bool concerns_book(Kind kind) { return kind != Kind::kProject && kind != Kind::kJob; }

// What the book looks at, as it would be after the input. What sells more comes last, in the order of the input.
Facts book_after(const Step& step, const std::vector<Document>& documents, const Reply& reply) {
  const Facts& facts = step.facts();
  Facts out;
  out.now = step.now();
  out.tenants = facts.tenants;
  out.contracts = facts.contracts;
  out.restrictions = facts.restrictions;
  out.revoked = facts.revoked;
  out.signed_at = facts.signed_at;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (reply.changes[i].change == Change::kUnchanged) continue;
    const Document& document = documents[i];
    const std::string& name = document.metadata.name;
    if (document.kind == Kind::kTenant) out.tenants[name].spec = std::get<TenantSpec>(document.spec);
    if (document.kind == Kind::kContract) {
      const auto& spec = std::get<ContractSpec>(document.spec);
      const auto before = facts.contracts.find(name);
      if (sells_more(before == facts.contracts.end() ? nullptr : &before->second.spec, spec, step.now())) {
        out.signed_at[name] = facts.position + 1 + i;
      }
      out.contracts[name].spec = spec;
    }
    if (document.kind == Kind::kRestriction) {
      Object<RestrictionSpec>& restriction = out.restrictions[name];
      if (restriction.name.empty()) restriction.created = step.now();
      restriction.name = name;
      restriction.spec = std::get<RestrictionSpec>(document.spec);
      out.revoked.erase(name);
    }
  }
  return out;
}

// The state's own limits serve where neither the estate nor a restriction changes.
Ground ground_after(Step& step, const std::shared_ptr<const Estate>& after, const Facts& told) {
  const auto& before = step.facts().restrictions;
  const bool same = std::equal(told.restrictions.begin(), told.restrictions.end(), before.begin(), before.end(),
                               [](const auto& a, const auto& b) { return a.first == b.first && a.second.spec == b.second.spec; });
  if (after == nullptr && same) return Ground(step.state(), step.now());
  return Ground(after ? after : step.state().shared_estate(), told, step.now());
}

// What is newly sold must be there, beside all that is signed.
void check_sales(Step& step, const std::shared_ptr<const Estate>& after, const Facts& told,
                 const std::vector<Document>& documents, Faults& faults) {
  std::map<std::string, const Document*> asked;
  for (const Document& document : documents) {
    if (document.kind != Kind::kContract || std::get<ContractSpec>(document.spec).oversold) continue;
    const std::string& name = document.metadata.name;
    const auto before = step.facts().contracts.find(name);
    const ContractSpec* was = before == step.facts().contracts.end() ? nullptr : &before->second.spec;
    if (sells_more(was, std::get<ContractSpec>(document.spec), step.now())) asked[name] = &document;
  }
  if (asked.empty()) return;
  Ground ground = ground_after(step, after, told);
  for (const Sale& sale : signed_sales(told)) {
    const auto document = asked.find(sale.name);
    Ground with = ground;
    const bool whole = with.lay(sale).missing.empty();
    if (document != asked.end() && !whole) {
      faults.add(*document->second, Code::kFailedPrecondition, "spec.ramp", quote(ground, sale).message);
    }
    ground = std::move(with);
  }
}

// A tenant or contract that is bound to countries has its records there too.
void check_stores(const std::vector<Document>& documents, const std::string& store_country, Reply& reply, Faults& faults) {
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const Document& document = documents[i];
    if (reply.changes[i].change == Change::kUnchanged) continue;
    const std::vector<std::string>* countries = nullptr;
    if (const auto* tenant = std::get_if<TenantSpec>(&document.spec)) countries = &tenant->jurisdictions;
    if (const auto* contract = std::get_if<ContractSpec>(&document.spec)) countries = &contract->jurisdictions;
    if (countries == nullptr || countries->empty()) continue;
    if (Status kept = check_store(*countries, store_country); !kept.ok()) {
      faults.add(document, kept.error().code, kept.error().path, kept.error().message);
    } else if (store_country.empty()) {
      reply.effects.push_back(fmt::format("{} {} is bound to {}; whether its records lie there is not known: the server was not told where "
                                          "its store lies (--store-country)",
                                          name_of(document.kind), document.metadata.name, fmt::join(*countries, ", ")));
    }
  }
}

void tell_book(Step& step, const std::string& cause, Reply& reply) {
  for (std::string& line : tell_shortfalls(step, cause)) reply.effects.push_back(std::move(line));
}

// What the compiler has to say of the sites that this input gives, and of those with node types that it gives.
void add_warnings(const Step& step, const Estate& after, const std::vector<Document>& documents, Reply& reply) {
  for (SiteIndex site = 0; site < after.sites().size(); ++site) {
    const EstateSite& at = after.sites()[site];
    std::set<std::string_view> types;
    for (NodeIndex n = at.first_node; n < at.first_node + at.nodes; ++n) types.insert(after.type_of(n).name);
    const Document* given = nullptr;
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if (reply.changes[i].change == Change::kUnchanged) continue;
      const Document& document = documents[i];
      if (document.kind == Kind::kSite && document.metadata.name == at.name) given = &document;
      if (document.kind == Kind::kNodeType && types.contains(document.metadata.name) && given == nullptr) given = &document;
    }
    if (given == nullptr) continue;
    for (const Warning& warning : warnings(after, site, step.now())) {
      Error error = make_error(Code::kInvalid, warning.message, warning.path);
      error.file = "Site " + at.name;
      reply.warnings.push_back(to_item(given->kind == Kind::kSite ? at_origin(std::move(error), *given) : error));
    }
  }
}

}  // namespace

Result<Reply> apply_documents(Step& step, const ApplyDocuments& command, const std::string& store_country) {
  const State& state = step.state();
  const Facts& facts = state.facts();
  Faults faults;
  Reply reply;
  reply.dry_run = command.dry_run;

  // The state as it would be.
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
  std::set<std::string> tenants, projects, contracts, principals;
  for (const auto& [name, object] : facts.node_types) types[name] = object.spec;
  for (const auto& [name, object] : facts.sites) sites[name] = object.spec;
  for (const auto& [name, object] : facts.tenants) tenants.insert(name);
  for (const auto& [name, object] : facts.projects) projects.insert(name);
  for (const auto& [name, object] : facts.contracts) contracts.insert(name);
  for (const auto& [name, object] : facts.principals) principals.insert(name);

  const Document* estate_change = nullptr;
  std::set<std::pair<Kind, std::string>> seen;
  for (const Document& document : command.documents) {
    const std::string& name = document.metadata.name;
    if (document.kind == Kind::kJob) {
      if (command.documents.size() == 1) {
        faults.add(document, Code::kInvalid, "kind", "a Job is submitted, not applied: use `penstock submit`");
      }
      reply.effects.push_back(fmt::format("Job {} was left alone: jobs are submitted, not applied", name));
      reply.changes.push_back({"Job", name, Uid{}, Change::kUnchanged, 0});
      continue;
    }
    if (Status named = check_name(document.kind, name); !named.ok()) {
      faults.add(document, Code::kInvalid, "metadata.name", named.error().message);
      continue;
    }
    if (!seen.insert({document.kind, name}).second) {
      faults.add(document, Code::kInvalid, "metadata.name", "it stands twice in this input");
      continue;
    }
    const auto before = stored(facts, document.kind, name);
    if (document.metadata.version && (before ? before->version : 0) != *document.metadata.version) {
      faults.add(document, Code::kConflict, "metadata.version",
                 fmt::format("it has version {}, not {}: somebody changed it meanwhile", before ? before->version : 0,
                             *document.metadata.version));
    }
    ObjectChange change{std::string(name_of(document.kind)), name, before ? before->uid : Uid{}, Change::kAdded,
                        before ? before->version : 0};
    if (before) {
      const bool same = before->text == content_of(document.metadata.labels, document.spec);
      change.change = same ? Change::kUnchanged : Change::kChanged;
    }
    reply.changes.push_back(change);
    if (change.change == Change::kUnchanged) continue;
    switch (document.kind) {
      case Kind::kNodeType: types[name] = std::get<NodeTypeSpec>(document.spec); estate_change = &document; break;
      case Kind::kSite: sites[name] = std::get<SiteSpec>(document.spec); estate_change = &document; break;
      case Kind::kTenant: tenants.insert(name); break;
      case Kind::kProject: projects.insert(name); break;
      case Kind::kContract: contracts.insert(name); break;
      case Kind::kPrincipal: principals.insert(name); break;
      case Kind::kGrant:
      case Kind::kRestriction:
      case Kind::kJob: break;
    }
  }

  std::shared_ptr<const Estate> after;
  if (estate_change != nullptr && !faults.first()) {
    auto compiled = Estate::compile(types, sites);
    if (compiled.ok()) {
      after = std::make_shared<const Estate>(std::move(*compiled));
    } else {
      Error error = std::move(compiled).error();
      const Document* blamed = estate_change;
      for (const Document& document : command.documents) {
        if (error.file == fmt::format("{} {}", name_of(document.kind), document.metadata.name)) blamed = &document;
      }
      std::vector<Error> also = std::move(error.also);
      error.also.clear();
      faults.add(at_origin(std::move(error), *blamed));
      for (Error& next : also) faults.add(at_origin(std::move(next), *blamed));
    }
  }

  for (const Document& document : command.documents) {
    const std::string& name = document.metadata.name;
    if (document.kind != Kind::kTenant) {
      const std::string tenant(owner_of(document.kind, name));
      if (document.kind != Kind::kJob && !tenant.empty() && !tenants.contains(tenant)) {
        faults.add(document, Code::kNotFound, "metadata.name", fmt::format("there is no tenant '{}'", tenant));
      }
    }
    if (document.kind == Kind::kGrant) check_grant(document, projects, principals, faults);
    if (document.kind != Kind::kContract) continue;
    const auto& contract = std::get<ContractSpec>(document.spec);
    for (std::size_t i = 0; i < contract.sites.size(); ++i) {
      if (!sites.contains(contract.sites[i])) {
        faults.add(document, Code::kNotFound, fmt::format("spec.sites[{}]", i),
                   fmt::format("there is no site '{}'", contract.sites[i]));
      }
    }
    for (const auto& [field, models] : {std::pair("gpuModels", &contract.gpu_models), std::pair("substitutes", &contract.substitutes)}) {
      for (std::size_t i = 0; i < models->size(); ++i) {
        const std::string& model = (*models)[i];
        const auto is_of_it = [&](const auto& type) { return type.second.devices.model == model; };
        if (std::any_of(types.begin(), types.end(), is_of_it)) continue;
        faults.add(document, Code::kNotFound, fmt::format("spec.{}[{}]", field, i),
                   fmt::format("no NodeType has the GPU model '{}'", model));
      }
    }
    const auto before = facts.contracts.find(name);
    if (before != facts.contracts.end()) {
      if (Status begun = check_begun(before->second.spec, contract, step.now()); !begun.ok()) {
        faults.add(document, begun.error().code, begun.error().path, begun.error().message);
      }
    }
    if (before != facts.contracts.end() &&
        before->second.spec.price_per_gpu_hour.currency != contract.price_per_gpu_hour.currency) {
      faults.add(document, Code::kFailedPrecondition, "spec.pricePerGpuHour",
                 fmt::format("its currency is {} and cannot change; make another contract",
                             before->second.spec.price_per_gpu_hour.currency));
    }
    if (before != facts.contracts.end() && before->second.spec.service_class != contract.service_class &&
        !state.holders_by_contract(name).empty()) {
      faults.add(document, Code::kFailedPrecondition, "spec.class",
                 fmt::format("its class is {} and cannot change while work runs under it; wait, or make another contract",
                             name_of(before->second.spec.service_class)));
    }
  }
  if (!faults.first()) check_restrictions(state, after ? *after : state.estate(), command.documents, faults);
  if (after && !faults.first()) check_held_nodes(state, *after, *estate_change, faults);
  if (!faults.first()) check_held_countries(state, after ? *after : state.estate(), command.documents, faults);
  if (after && !faults.first()) check_held_power(state, after, *estate_change, faults);
  if (!faults.first()) check_maintenance(step, after != nullptr, command.documents, faults);
  if (!faults.first()) check_stores(command.documents, store_country, reply, faults);
  bool booked = false;
  for (std::size_t i = 0; i < command.documents.size() && !faults.first(); ++i) {
    booked = booked || (reply.changes[i].change != Change::kUnchanged && concerns_book(command.documents[i].kind));
  }
  const Facts told = booked && !faults.first() ? book_after(step, command.documents, reply) : Facts{};
  if (booked && !faults.first()) check_sales(step, after, told, command.documents, faults);
  if (faults.first()) return std::move(*faults.first());

  if (after) {
    describe_capacity(state.estate(), *after, reply.effects);
    add_warnings(step, *after, command.documents, reply);
  }
  if (command.dry_run) {
    const std::vector<Sale> sales = signed_sales(told);
    if (booked && !(sales.empty() && facts.breached.empty())) {
      for (std::string& line : told_anew(facts.breached, shortfalls(ground_after(step, after, told), sales), true)) {
        reply.effects.push_back(std::move(line));
      }
    }
    return reply;
  }

  // Restrictions last: they name parts of sites, which must stand before.
  std::vector<std::size_t> order(command.documents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return command.documents[a].kind != Kind::kRestriction && command.documents[b].kind == Kind::kRestriction;
  });
  std::map<std::string, std::string> moved;
  std::vector<std::string> changed;
  for (std::size_t i : order) {
    ObjectChange& change = reply.changes[i];
    if (change.change == Change::kUnchanged) continue;
    const Document& document = command.documents[i];
    if (document.kind == Kind::kRestriction) {
      const auto& restriction = std::get<RestrictionSpec>(document.spec);
      moved[std::string(parent_of(document.metadata.name))] =
          fmt::format("{} ({})", document.metadata.name, name_of(restriction.cause));
    }
    if (!change.uid) change.uid = step.mint();
    ObjectApplied event;
    event.kind = document.kind;
    event.uid = change.uid;
    event.name = document.metadata.name;
    event.labels = document.metadata.labels;
    std::visit([&](const auto& spec) { event.spec = json::parse(to_json(spec)); }, document.spec);
    step.emit(std::move(event));
    change.version = step.facts().position;
    if (concerns_book(document.kind)) changed.push_back(fmt::format("{} {}", change.kind, change.name));
  }
  step.state().settle();
  for (const auto& [site, cause] : moved) mend(step, step.state().estate().find_site(site), cause);
  if (!changed.empty()) tell_book(step, fmt::format("{}", fmt::join(changed, ", ")), reply);
  return reply;
}

Result<Reply> delete_object(Step& step, const DeleteObject& command) {
  const State& state = step.state();
  const Facts& facts = state.facts();
  const auto object = stored(facts, command.kind, command.name);
  const std::string what = fmt::format("{} '{}'", name_of(command.kind), command.name);
  if (!object) return make_error(Code::kNotFound, fmt::format("there is no {}", what));
  if (command.version && *command.version != object->version) {
    return make_error(Code::kConflict, fmt::format("{} has version {}, not {}", what, object->version, *command.version));
  }
  const auto refuse = [&](const std::string& why) {
    return make_error(Code::kFailedPrecondition, fmt::format("{} cannot be deleted: {}", what, why));
  };
  const std::string prefix = command.name + "/";
  const auto below = [&prefix](const auto& map) {
    const auto at = map.lower_bound(prefix);
    return at != map.end() && at->first.starts_with(prefix) ? &at->first : nullptr;
  };
  switch (command.kind) {
    case Kind::kNodeType: {
      for (const EstateNode& node : state.estate().nodes()) {
        if (state.estate().types()[node.type].name == command.name) return refuse(fmt::format("node {} is of it", node.name));
      }
      const std::string& model = facts.node_types.at(command.name).spec.devices.model;
      const auto same_model = [&](const auto& type) { return type.second.spec.devices.model == model; };
      if (std::count_if(facts.node_types.begin(), facts.node_types.end(), same_model) > 1) break;
      for (const auto& [name, contract] : facts.contracts) {
        if (!contract.spec.gpu_models.empty() && allows(models_of(contract.spec), model)) {
          return refuse(fmt::format("contract {} names its GPU model", name));
        }
      }
      break;
    }
    case Kind::kSite:
      for (NodeIndex i = 0; i < state.estate().nodes().size(); ++i) {
        if (state.estate().site_of(i).name == command.name && !state.loads().tasks(i).empty()) {
          return refuse(fmt::format("{} holds node {}", state.find_job(state.loads().tasks(i).begin()->job)->name,
                                    state.estate().nodes()[i].name));
        }
      }
      for (const auto& [name, restriction] : facts.restrictions) {
        if (parent_of(name) == command.name) return refuse(fmt::format("restriction {} is of it", name));
      }
      for (const auto& [name, contract] : facts.contracts) {
        if (!contract.spec.sites.empty() && allows(contract.spec.sites, command.name)) {
          return refuse(fmt::format("contract {} names it", name));
        }
      }
      break;
    case Kind::kTenant:
      if (const auto* project = below(facts.projects)) return refuse(fmt::format("it has project {}", *project));
      if (const auto* contract = below(facts.contracts)) return refuse(fmt::format("it has contract {}", *contract));
      break;
    case Kind::kProject:
      for (const auto& [uid, job] : facts.jobs) {
        if (!is_final(job.phase) && project_of(job.name) == command.name) return refuse(fmt::format("job {} is {}", job.name, name_of(job.phase)));
      }
      break;
    case Kind::kContract:
      for (const auto& [uid, job] : facts.jobs) {
        if (!is_final(job.phase) && job.contract == command.name) return refuse(fmt::format("job {} runs under it", job.name));
      }
      break;
    case Kind::kRestriction:
    case Kind::kPrincipal:
    case Kind::kGrant:
    case Kind::kJob: break;
  }
  if (const std::string why = access_that_names(facts, command.kind, command.name, step.now()); !why.empty()) return refuse(why);
  Reply reply;
  if (command.kind == Kind::kSite || command.kind == Kind::kNodeType) {
    std::map<std::string, NodeTypeSpec> types;
    std::map<std::string, SiteSpec> sites;
    for (const auto& [name, type] : facts.node_types) {
      if (command.kind != Kind::kNodeType || name != command.name) types[name] = type.spec;
    }
    for (const auto& [name, site] : facts.sites) {
      if (command.kind != Kind::kSite || name != command.name) sites[name] = site.spec;
    }
    PENSTOCK_TRY(after, Estate::compile(types, sites, Claims::kTaken));
    describe_capacity(state.estate(), after, reply.effects);
  }
  if (command.kind == Kind::kPrincipal) revoke_tokens_of(step, command.name);
  step.emit(ObjectDeleted{command.kind, command.name});
  step.state().settle();
  if (command.kind == Kind::kRestriction) {
    mend(step, step.state().estate().find_site(parent_of(command.name)), fmt::format("{} was lifted", command.name));
  }
  reply.changes.push_back({std::string(name_of(command.kind)), command.name, object->uid, Change::kRemoved, step.facts().position});
  if (concerns_book(command.kind)) tell_book(step, fmt::format("{} was removed", what), reply);
  return reply;
}

}  // namespace penstock

// Applying, listing, reading and deleting objects.
#include "base/name.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

template <Kind kind>
const auto& objects_of(const Facts& facts) {
  if constexpr (kind == Kind::kNodeType) return facts.node_types;
  if constexpr (kind == Kind::kSite) return facts.sites;
  if constexpr (kind == Kind::kTenant) return facts.tenants;
  if constexpr (kind == Kind::kProject) return facts.projects;
  if constexpr (kind == Kind::kContract) return facts.contracts;
  if constexpr (kind == Kind::kRestriction) return facts.restrictions;
  if constexpr (kind == Kind::kPrincipal) return facts.principals;
  if constexpr (kind == Kind::kGrant) return facts.grants;
}

// Its project lies within reach of who is bound to it; everything else belongs to a tenant as a whole, or to the provider.
bool visible(const Call& call, Kind kind, std::string_view name) {
  return call.reaches(kind == Kind::kProject ? name : owner_of(kind, name));
}

// Principals and grants of a tenant are its admin's; all else is the operator's. What a foreign tenant has is answered like
// what does not exist.
Status may_apply(const Call& call, const Document& document) {
  const std::string owner(owner_of(document.kind, document.metadata.name));
  const bool access = document.kind == Kind::kPrincipal || document.kind == Kind::kGrant;
  if (call.principal.may(access ? Right::kWriteAccess : Right::kWriteObjects, owner)) return ok_status();
  Error error = access && !owner.empty()
                    ? make_error(Code::kNotFound, fmt::format("there is no tenant '{}'", owner), "metadata.name")
                    : make_error(Code::kForbidden, "a tenant-admin applies principals and grants of its own tenant; the operator applies all else", "kind");
  error.file = document.origin.file;
  error.line = document.origin.line;
  error.column = document.origin.line > 0 ? 1 : 0;
  return error;
}

}  // namespace

void Api::execute(std::shared_ptr<Call> call, Command command, int status) {
  core_.execute(std::move(command), call->meta(), [call, status](Result<Reply> reply) {
    if (!reply.ok()) return refuse(call, reply.error());
    call->respond(json_response(*reply, status));
  });
}

void Api::apply(std::shared_ptr<Call> call) {
  auto body = body_of<ApplyRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto documents = read_documents(body->sources);
  if (!documents.ok()) return refuse(call, documents.error());
  if (documents->empty()) return refuse(call, make_error(Code::kInvalid, "there is no document in this input", "sources"));
  for (const Document& document : *documents) {
    if (Status may = may_apply(*call, document); !may.ok()) return refuse(call, may.error());
  }
  execute(std::move(call), ApplyDocuments{std::move(*documents), body->dry_run}, 200);
}

template <Kind kind>
void Api::list_objects(std::shared_ptr<Call> call) {
  if (flag(*call, "watch")) {
    return watch(call, std::string(name_of(kind)), [call](Core::View& view, const Notice& notice) -> std::optional<std::string> {
      if (!visible(*call, kind, notice.name)) return std::nullopt;
      const auto& map = objects_of<kind>(view.state.facts());
      const auto found = map.find(notice.name);
      if (found == map.end()) return fmt::format(R"({{"kind":"{}","metadata":{{"name":"{}"}}}})", name_of(kind), notice.name);
      return to_json(object_view(kind, found->second));
    });
  }
  auto limit = page_limit(*call);
  if (!limit.ok()) return refuse(call, limit.error());
  core_.read([call, most = *limit](Core::View& view) {
    ObjectPage page;
    page.position = view.state.facts().position;
    const auto& map = objects_of<kind>(view.state.facts());
    for (auto at = map.upper_bound(text(*call, "cursor")); at != map.end(); ++at) {
      if (!visible(*call, kind, at->first)) continue;
      if (page.items.size() == most) {
        page.next = page.items.back().metadata.name;
        break;
      }
      page.items.push_back(object_view(kind, at->second));
    }
    call->respond(json_response(page));
  });
}

template <Kind kind>
void Api::get_object(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const auto& map = objects_of<kind>(view.state.facts());
    const auto found = map.find(call->name());
    if (found == map.end() || !visible(*call, kind, found->first)) return refuse(call, unknown(name_of(kind), call->name()));
    call->respond(json_response(object_view(kind, found->second)));
  });
}

template <Kind kind>
void Api::delete_object(std::shared_ptr<Call> call) {
  auto version = number(*call, "version", 0, ~std::uint64_t{0} >> 1);
  if (!version.ok()) return refuse(call, version.error());
  DeleteObject command{kind, call->name(), std::nullopt};
  if (!visible(*call, kind, command.name)) return refuse(call, unknown(name_of(kind), command.name));
  if (call->query.contains("version")) command.version = *version;
  execute(std::move(call), std::move(command), 200);
}

#define PENSTOCK_OBJECT_HANDLERS(kind)                             \
  template void Api::list_objects<kind>(std::shared_ptr<Call>);    \
  template void Api::get_object<kind>(std::shared_ptr<Call>);      \
  template void Api::delete_object<kind>(std::shared_ptr<Call>);
PENSTOCK_OBJECT_HANDLERS(Kind::kNodeType)
PENSTOCK_OBJECT_HANDLERS(Kind::kSite)
PENSTOCK_OBJECT_HANDLERS(Kind::kTenant)
PENSTOCK_OBJECT_HANDLERS(Kind::kProject)
PENSTOCK_OBJECT_HANDLERS(Kind::kContract)
PENSTOCK_OBJECT_HANDLERS(Kind::kRestriction)
PENSTOCK_OBJECT_HANDLERS(Kind::kPrincipal)
PENSTOCK_OBJECT_HANDLERS(Kind::kGrant)

}  // namespace penstock

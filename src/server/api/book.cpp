// Quotes and the book. Both are laid beside the core, on copies of what they need.
#include "server/api/book.h"

#include <algorithm>

#include "engine/contracts/sale.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

using RowKey = std::pair<std::string, std::string>;

// What there is now, by site and model.
std::map<RowKey, BookRow> rows_now(const State& state, Time now) {
  std::map<RowKey, BookRow> rows;
  const Estate& estate = state.estate();
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    const EstateSite& site = estate.sites()[s];
    const auto row = [&](NodeIndex node) -> BookRow& {
      const std::string& model = estate.type_of(node).spec.devices.model;
      BookRow& out = rows[{site.name, model}];
      out.site = site.name;
      out.gpu_model = model;
      return out;
    };
    for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
      BookRow& out = row(node);
      const auto& from = estate.racks()[estate.nodes()[node].rack].from;
      if (from && now < *from) continue;
      out.delivered += estate.type_of(node).spec.devices.count;
      if (!state.loads().ready(node)) continue;
      out.healthy += estate.type_of(node).spec.devices.count;
      out.free += state.loads().site(s).whole_free(node);
    }
    state.for_each_held(s, [&](NodeIndex node, const HeldTask&, const Job& job, const TaskPlacement& task) {
      if (state.class_of(job) == ServiceClass::kReserved) row(node).reserved += task.gpus;
      if (job.phase == JobPhase::kRunning) row(node).active += task.gpus;
    });
  }
  return rows;
}

// What is laid there, now and at most.
void add_lots(const std::vector<BookEntry>& entries, Time now, std::map<RowKey, BookRow>& rows) {
  std::map<RowKey, std::map<Time, std::int64_t>> changes;
  for (const BookEntry& entry : entries) {
    for (const BookLot& lot : entry.lots) {
      const RowKey key{lot.site, lot.gpu_model};
      const bool holds = lot.from <= now && (!lot.until || now < *lot.until);
      if (lot.spare) {
        if (holds) rows[key].spare += lot.gpus;
        continue;
      }
      if (holds) rows[key].sold += lot.gpus;
      changes[key][lot.from] += lot.gpus;
      if (lot.until) changes[key][*lot.until] -= lot.gpus;
    }
  }
  for (const auto& [key, by_date] : changes) {
    std::int64_t gpus = 0, most = 0;
    for (const auto& [date, more] : by_date) most = std::max(most, gpus += more);
    rows[key].promised = std::max<std::int64_t>(0, most - rows[key].sold);
  }
}

// The one contract of the input, and its tenant if that is there as well.
struct Asked {
  Sale sale;
  bool with_tenant = false;
};
Result<Asked> asked_in(const std::vector<SourceText>& sources) {
  PENSTOCK_TRY(documents, read_documents(sources));
  Asked out;
  std::size_t contracts = 0;
  for (const Document& document : documents) {
    if (document.kind != Kind::kContract) continue;
    ++contracts;
    out.sale.name = document.metadata.name;
    out.sale.spec = std::get<ContractSpec>(document.spec);
  }
  if (contracts != 1) return make_error(Code::kInvalid, fmt::format("expected one Contract, found {}", contracts), "sources");
  PENSTOCK_RETURN_IF_ERROR(check_name(Kind::kContract, out.sale.name));
  if (!is_sold(out.sale.spec)) {
    return make_error(Code::kInvalid, "expected class reserved with a ramp: for no other contract are GPUs kept", "spec.ramp");
  }
  for (const Document& document : documents) {
    if (document.kind != Kind::kTenant || document.metadata.name != tenant_of(out.sale.name)) continue;
    out.sale.countries = std::get<TenantSpec>(document.spec).jurisdictions;
    out.with_tenant = true;
  }
  return out;
}

}  // namespace

void Api::quote(std::shared_ptr<Call> call) {
  auto body = body_of<QuoteRequest>(*call);
  if (!body.ok()) return refuse(call, body.error());
  auto given = asked_in(body->sources);
  if (!given.ok()) return refuse(call, given.error());
  core_.read([this, call, given = std::move(*given)](Core::View& view) {
    const Facts& facts = view.state.facts();
    Sale asked = given.sale;
    if (const auto stored = facts.contracts.find(asked.name); stored != facts.contracts.end()) {
      if (Status begun = check_begun(stored->second.spec, asked.spec, view.now); !begun.ok()) return refuse(call, begun.error());
    }
    const auto tenant = facts.tenants.find(std::string(tenant_of(asked.name)));
    if (!given.with_tenant && tenant != facts.tenants.end()) asked.countries = tenant->second.spec.jurisdictions;
    std::vector<Sale> others = signed_sales(facts);
    std::erase_if(others, [&](const Sale& sale) { return sale.name == asked.name || sale.spec.oversold; });
    core_.aside([call, asked = std::move(asked), others = std::move(others), ground = Ground(view.state, view.now)]() mutable {
      for (const Sale& sale : others) ground.lay(sale);
      call->respond(json_response(penstock::quote(ground, asked)));
    });
  });
}

void Api::book(std::shared_ptr<Call> call) {
  core_.read([this, call](Core::View& view) {
    core_.aside([call, sales = signed_sales(view.state.facts()), rows = rows_now(view.state, view.now),
                 ground = Ground(view.state, view.now)]() mutable {
      std::vector<Laid> laid;
      for (const Sale& sale : sales) laid.push_back(ground.lay(sale));
      BookView out;
      out.as_of = ground.now();
      for (const Laid& each : laid) out.contracts.push_back(ground.entry(each));
      add_lots(out.contracts, out.as_of, rows);
      if (call->reaches({})) {  // the provider's own
        for (auto& [key, row] : rows) out.capacity.push_back(std::move(row));
      } else {
        std::erase_if(out.contracts, [&](const BookEntry& entry) { return !call->reaches(tenant_of(entry.contract)); });
        // How full the plant is, and of whom, is the operator's to tell.
        for (BookEntry& entry : out.contracts) {
          entry.nearest.clear();
          for (Shortfall& missing : entry.missing) missing.bound_by = "the operator is told what binds";
        }
      }
      call->respond(json_response(out));
    });
  });
}

}  // namespace penstock

// Gangs of all sizes, submitted in lots.
#include "filling.h"

#include "base/name.h"

namespace penstock {
namespace {

constexpr std::int64_t kLot = 40;

// Reserved without a ramp: it may use what it finds, also where an example has sold all of it.
ContractSpec firm() {
  ContractSpec spec = contract();
  spec.service_class = ServiceClass::kReserved;
  return spec;
}

ContractSpec sheddable(std::int64_t keeps) {
  ContractSpec spec = firm();
  spec.shed = ShedSpec{Ppm(keeps), std::nullopt};
  return spec;
}

ContractSpec spot() {
  ContractSpec spec = contract();
  spec.service_class = ServiceClass::kSpot;
  return spec;
}

}  // namespace

const std::vector<std::string> Filling::kContracts = {"proof/firm", "proof/half", "proof/spot"};

Filling::Filling(World& world) : world_(world) {
  world_.apply({document("proof", TenantSpec{}), document("proof/fill", ProjectSpec{}),
                document("proof/firm", firm()), document("proof/half", sheddable(500'000)),
                document("proof/spot", spot())});
}

std::string Filling::project_of_contract(const std::string& contract) const {
  const std::string prefix = std::string(parent_of(contract)) + "/";
  return world_.facts().projects.lower_bound(prefix)->first;
}

std::int64_t Filling::fill(JobSpec shape, std::int64_t most) {
  const std::string project = project_of_contract(shape.contract);
  std::int64_t started = 0;
  while (started < most) {
    SubmitJobs lot;
    for (std::int64_t i = std::min(kLot, most - started); i > 0; --i) {
      lot.items.push_back({Metadata{fmt::format("{}/f{}", project, ++serial_), {}, {}}, shape});
    }
    const Reply reply = world_.good(lot);
    world_.tick();
    bool refused = !reply.refused.empty();
    for (const ObjectChange& change : reply.changes) {
      if (world_.state().find_job(change.uid)->phase == JobPhase::kPending) {
        refused = true;
        world_.good(CancelJob{change.name, {}});
      } else {
        ++started;
      }
    }
    if (refused) break;
  }
  return started;
}

void Filling::fill_site(const std::string& site, const std::vector<std::string>& contracts) {
  const Estate& estate = world_.state().estate();
  const EstateSite& here = estate.sites()[estate.find_site(site)];
  std::map<std::string, std::pair<std::int32_t, std::int32_t>> racks;  // by type: nodes in a rack, devices of a node
  for (RackIndex r = here.first_rack; r < here.first_rack + here.racks; ++r) {
    const EstateRack& rack = estate.racks()[r];
    if (rack.nodes == 0) continue;
    const EstateType& type = estate.type_of(rack.first_node);
    racks.try_emplace(type.name, static_cast<std::int32_t>(rack.nodes), type.spec.devices.count);
  }
  for (const auto& [type, rack] : racks) {
    const auto [nodes, devices] = rack;
    const auto shape = [&, type_name = type](const std::string& contract, std::int32_t replicas, std::int64_t milli) {
      JobSpec job = gang(replicas, milli);
      job.contract = contract;
      job.sites = {site};
      job.node_types = {type_name};
      return job;
    };
    const std::int64_t whole = std::int64_t{1000} * devices;
    for (const std::string& contract : contracts) {
      fill(shape(contract, 1, 500), 2);
      fill(shape(contract, 2, 1000), 2);
      fill(shape(contract, 3, whole), 2);
    }
    const auto lot = static_cast<std::int64_t>(here.racks / (2 * contracts.size()) + 1);
    for (const std::string& contract : contracts) fill(shape(contract, nodes, whole), lot);
    for (const std::string& contract : contracts) fill(shape(contract, nodes, whole));
    for (const std::string& contract : contracts) fill(shape(contract, 1, whole));
    for (const std::string& contract : contracts) fill(shape(contract, 1, 1000));
    for (const std::string& contract : contracts) fill(shape(contract, 1, 250));
  }
}

void Filling::end_stopping() {
  std::vector<TaskReport> reports;
  for (const auto& [uid, job] : world_.facts().jobs) {
    if (job.phase != JobPhase::kStopping) continue;
    for (std::int32_t rank = 0; rank < task_count(job.spec); ++rank) {
      reports.push_back(world_.ended(job.name, rank, TaskEnd::kStopped));
    }
  }
  if (!reports.empty()) world_.report(std::move(reports));
}

}  // namespace penstock

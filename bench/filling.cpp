// Commands to an engine, as a server would give them.
#include "filling.h"

#include <cstdio>
#include <cstdlib>

namespace penstock {
namespace {

[[noreturn]] void die(const Error& error) {
  fmt::print(stderr, "{}\n", to_string(error));
  std::exit(1);
}

Document document(const std::string& name, AnySpec spec) {
  Document out;
  out.kind = static_cast<Kind>(spec.index());
  out.metadata.name = name;
  out.spec = std::move(spec);
  return out;
}

}  // namespace

std::vector<Document> read_or_die(const std::string& text) {
  auto documents = read_documents({{"estate.yaml", text}});
  if (!documents.ok()) die(documents.error());
  return std::move(*documents);
}

Filling::Filling(const std::string& text) : now_(*Text<Time>::parse("2026-06-01T00:00:00Z")) {
  std::vector<Document> documents = read_or_die(text);
  ContractSpec firm;
  firm.price_per_gpu_hour = {2'000'000, "USD"};
  ContractSpec sixty = firm;
  sixty.shed = ShedSpec{Ppm(600'000), std::nullopt};
  ContractSpec spot = firm;
  spot.service_class = ServiceClass::kSpot;
  documents.push_back(document("acme", TenantSpec{}));
  documents.push_back(document("acme/work", ProjectSpec{}));
  documents.push_back(document("acme/firm", firm));
  documents.push_back(document("acme/sixty", sixty));
  documents.push_back(document("acme/spot", spot));
  run(ApplyDocuments{std::move(documents), false});
}

std::size_t Filling::fill(std::size_t jobs, std::int32_t replicas, std::int64_t gpus,
                          const std::vector<std::string>& contracts) {
  SubmitJobs submit;
  for (std::size_t i = 0; i < jobs; ++i) {
    JobSpec job;
    job.contract = "acme/" + contracts[i % contracts.size()];
    TaskGroupSpec group;
    group.name = "main";
    group.replicas = replicas;
    group.gpus = MilliGpu(1000) * gpus;
    group.command = {"train"};
    job.groups.push_back(std::move(group));
    submit.items.push_back({Metadata{fmt::format("acme/work/j{}", submitted_++), {}, {}}, std::move(job)});
  }
  run(submit);
  run(Tick{});
  std::size_t placed = 0;
  for (const auto& [uid, job] : state().facts().jobs) placed += job.holds() ? 1 : 0;
  return placed;
}

Reply Filling::run(const Command& command) {
  auto reply = engine_.execute(command, CommandMeta{now_, "token:bench", {}, 0});
  if (!reply.ok()) die(reply.error());
  engine_.take_events();
  return std::move(*reply);
}

}  // namespace penstock

// Writing event logs by hand.
#include "log.h"

#include <gtest/gtest.h>

namespace penstock {

Log::Log() {
  now = *Text<Time>::parse("2026-06-01T00:00:00Z");
  add(R"({"type":"leadership.taken","epoch":1})");
  apply(R"(
apiVersion: penstock/v1
kind: Tenant
metadata: {name: acme}
spec: {}
---
apiVersion: penstock/v1
kind: Contract
metadata: {name: acme/main}
spec: {class: reserved, pricePerGpuHour: 2 USD}
)");
}

void Log::add(const std::string& event) {
  events.push_back(fmt::format(R"({{"position":{},"at":"{}","epoch":{},"event":{}}})", ++position,
                               Text<Time>::format(now), epoch, event));
}

void Log::apply(const std::string& yaml) {
  auto documents = read_documents({{"by hand", yaml}});
  ASSERT_TRUE(documents.ok()) << to_string(documents.error());
  for (const Document& document : *documents) {
    const std::string spec = std::visit([](const auto& of_kind) { return to_json(of_kind); }, document.spec);
    add(fmt::format(R"({{"type":"object.applied","kind":"{}","uid":"00000000000000ff","name":"{}","spec":{}}})",
                    name_of(document.kind), document.metadata.name, spec));
  }
}

void Log::remove(Kind kind, const std::string& name) {
  add(fmt::format(R"({{"type":"object.deleted","kind":"{}","name":"{}"}})", name_of(kind), name));
}

std::string Log::uid_of(const std::string& job) {
  const auto next = Text<Uid>::format(Uid{uids_.size() + 1});
  return uids_.emplace(job, next).first->second;
}

void Log::run(const std::string& job, std::vector<HandTask> tasks, const std::string& until) {
  submit(job, static_cast<int>(tasks.size()));
  start(job, tasks, until);
}

void Log::submit(const std::string& job, int replicas, std::int64_t milli, const std::string& more) {
  add(fmt::format(R"({{"type":"job.submitted","uid":"{}","name":"acme/llm/{}","contract":"acme/main",)"
                  R"("spec":{{"groups":[{{"name":"main","replicas":{},"gpus":"{}","command":["true"]}}]{}}}}})",
                  uid_of(job), job, replicas, Text<MilliGpu>::format(MilliGpu(milli)), more));
}

void Log::start(const std::string& job, const std::vector<HandTask>& tasks, const std::string& until) {
  std::string list;
  Held& held = held_[job] = {now, 0};
  for (const HandTask& task : tasks) {
    const std::int64_t milli = task.milli >= 0 ? task.milli : 1000 * static_cast<std::int64_t>(task.devices.size());
    held.milli += milli;
    list += fmt::format(
        R"({}{{"node":"{}","group":{},"devices":{},"gpus":"{}","cpu":"1","memory":"1GiB","port":1,"demand":"{}W","firm":"{}W"}})",
        list.empty() ? "" : ",", task.node, task.group, to_json(task.devices), Text<MilliGpu>::format(MilliGpu(milli)),
        task.demand, task.firm);
  }
  add(fmt::format(
      R"({{"type":"job.started","allocation":{{"uid":"00000000000000fe","job":"{}","from":"{}",{}"contract":"acme/main",)"
      R"("tasks":[{}]}}}})",
      uid_of(job), Text<Time>::format(now), until.empty() ? "" : fmt::format(R"("until":"{}",)", until), list));
}

void Log::finish(const std::string& job) {
  const Held& held = held_.at(job);
  add(fmt::format(R"({{"type":"usage.recorded","usage":{{"allocation":"00000000000000fe","job":"{}","workload":"acme/llm/{}","contract":"acme/main",)"
                  R"("from":"{}","to":"{}","gpuTime":"{}","energy":"0J","cost":"0.00 USD"}}}})",
                  uid_of(job), job, Text<Time>::format(held.from), Text<Time>::format(now),
                  Text<GpuMicros>::format(GpuMicros(held.milli * ((now - held.from).count() / 1'000'000)))));
  add(fmt::format(R"({{"type":"job.finished","job":"{}","phase":"succeeded","reason":"completed"}})", uid_of(job)));
}

void Log::shed(const std::string& job) {
  add(fmt::format(R"({{"type":"job.shed","job":"{}","site":"s","cause":"c"}})", uid_of(job)));
}

void Log::restore(const std::string& job) {
  add(fmt::format(R"({{"type":"job.restored","job":"{}","cause":"c"}})", uid_of(job)));
}

void Log::broken(const std::string& site, const std::vector<std::string>& rows) {
  std::string list;
  for (const std::string& row : rows) {
    const std::size_t bar = row.find('|');
    list += fmt::format(R"({}{{"row":"{}","contingency":"{}","load":"1W","limit":"1W"}})", list.empty() ? "" : ",",
                        row.substr(0, bar), bar == std::string::npos ? "" : row.substr(bar + 1));
  }
  add(fmt::format(R"({{"type":"limits.broken","site":"{}","cause":"c","rows":[{}]}})", site, list));
}

void Log::restored(const std::string& site) {
  add(fmt::format(R"({{"type":"limits.restored","site":"{}"}})", site));
}

VerifyReport Log::verify(std::uint64_t every) const {
  VerifyOptions options;
  options.every = every;
  auto report = verify_log(events, {}, options);
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  return report.ok() ? *report : VerifyReport{};
}

Log two_sites(const std::string& more) {
  Log log;
  log.apply(std::string(R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: t}
spec: {devices: {model: g, count: 4}, cpu: 64, memory: 1TiB, power: {idle: 1kW, max: 5kW}}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: north}
spec: {country: "NO", halls: [{name: h1, rows: [{name: r1, racks: [{name: k1, nodes: [{name: "n[1-2]", type: t}]}]}]}]}
---
apiVersion: penstock/v1
kind: Site
metadata: {name: south}
spec: {country: GB, halls: [{name: h1, rows: [{name: r1, racks: [{name: k1, nodes: [{name: "n[1-2]", type: t}]}]}]}]}
)") + more);
  log.wait(minutes(1));
  return log;
}

VerifyFinding first(const VerifyReport& report) {
  EXPECT_FALSE(report.violations.empty());
  return report.violations.empty() ? VerifyFinding{} : report.violations.front();
}

std::string verdict(const VerifyReport& report) {
  if (report.violations.empty()) return "proved";
  std::string out;
  for (const VerifyFinding& finding : report.violations) {
    const std::string what = finding.row.empty() ? finding.message : finding.row + "|" + finding.contingency;
    out += fmt::format("{}{} {}", out.empty() ? "" : "; ", finding.invariant, what);
  }
  return out;
}

}  // namespace penstock

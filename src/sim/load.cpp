// Submissions from traces and from chance.
#include "sim/load.h"

#include <algorithm>
#include <set>

#include "base/name.h"

namespace penstock {
namespace {

constexpr std::string_view kContract = "sim/main";

std::string contract_or(const std::string& given) { return given.empty() ? std::string(kContract) : given; }

Duration part_of(Duration all, Ppm part) { return Duration(mul_div_floor(all.count(), part.count(), 1'000'000)); }

char small(char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

// A label out of what a trace calls someone.
std::string label_of(std::string_view owner) {
  std::string out;
  for (const char c : owner) {
    const char low = small(c);
    const bool plain = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9');
    if (plain || (!out.empty() && out.back() != '-')) out += plain ? low : '-';
  }
  if (out.size() > 40) out.resize(40);
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "work" : out;
}

// Models are written small in estates. Those that nobody has are left out, unless no other is allowed: then it waits.
void keep_known(std::vector<std::string>& models, const std::vector<std::string>& known) {
  for (std::string& model : models) model = model_name(model);
  const auto unknown = [&](const std::string& model) { return std::find(known.begin(), known.end(), model) == known.end(); };
  if (!std::all_of(models.begin(), models.end(), unknown)) std::erase_if(models, unknown);
}

class TraceLoad : public Load {
 public:
  TraceLoad(const TraceLoadSpec& spec, Trace trace, std::size_t place, Time from, std::uint64_t seed, MilliGpu gpus,
            std::int32_t largest, const std::vector<std::string>& models)
      : spec_(spec), trace_(std::move(trace)), place_(place), from_(from), chance_(seed, 1) {
    largest_ = spec.gpus_per_task > 0 ? spec.gpus_per_task : largest;
    const std::string tenant(tenant_of(contract_or(spec.contract)));
    std::map<std::string, std::string> named;
    std::set<std::string> seen;
    for (TraceJob& job : trace_.jobs) {
      std::string& project = named[job.owner];
      if (project.empty()) project = tenant + "/" + label_of(job.owner);
      if (seen.insert(project).second) projects_.push_back(project);
      job.owner = project;
      keep_known(job.gpu_models, models);
    }
    if (spec.sample) {
      wanted_ = MilliGpu(mul_div_floor(gpus.count(), spec.sample->count(), 1'000'000));
      draw();
    }
  }

  std::optional<Time> next() const override {
    if (spec_.sample) return asked_ < wanted_ ? std::optional(from_ + seconds(taken_)) : std::nullopt;
    if (static_cast<std::size_t>(taken_) == trace_.jobs.size()) return std::nullopt;
    const Duration after = trace_.jobs[static_cast<std::size_t>(taken_)].submitted;
    return from_ + (spec_.speed ? Duration(mul_div_floor(after.count(), 1'000'000, spec_.speed->count())) : after);
  }

  SubmitJobs::Item take() override {
    const TraceJob& job = trace_.jobs[spec_.sample ? drawn_ : static_cast<std::size_t>(taken_)];
    ++taken_;
    SubmitJobs::Item item{Metadata{fmt::format("{}/w{}-{}", job.owner, place_, taken_), {}, {}}, {}};
    JobSpec& out = item.spec;
    out.contract = contract_or(job.preemptible && !spec_.spot_contract.empty() ? spec_.spot_contract : spec_.contract);
    TaskGroupSpec group;
    group.name = "main";
    group.replicas = job.tasks;
    group.gpus = job.gpus;
    group.cpu = job.cpu;
    group.memory = job.memory;
    group.command = {"true"};
    if (job.divisible && job.gpus > MilliGpu(std::int64_t{1000} * largest_)) {
      // As evenly as whole devices allow: one task more at the most.
      const std::int64_t gpus = job.gpus.count() / 1000;
      const std::int64_t tasks = (gpus + largest_ - 1) / largest_;
      const std::int64_t each = (gpus + tasks - 1) / tasks;
      group.replicas = static_cast<std::int32_t>(gpus / each);
      group.gpus = MilliGpu(each * 1000);
      if (const std::int64_t rest = gpus - each * group.replicas; rest > 0) {
        TaskGroupSpec last = group;
        last.name = "rest";
        last.replicas = 1;
        last.gpus = MilliGpu(rest * 1000);
        out.groups.push_back(std::move(last));
      }
    }
    if (group.gpus == MilliGpu() && group.cpu == MilliCpu()) group.cpu = MilliCpu(1000);
    out.groups.insert(out.groups.begin(), std::move(group));
    out.gpu_models = job.gpu_models;
    out.estimate = std::max(job.runs, seconds(1));
    if (spec_.time_limit) out.time_limit = std::max(part_of(*out.estimate, *spec_.time_limit), seconds(1));
    if (job.time_limit && !spec_.time_limit) out.time_limit = std::max(*job.time_limit, seconds(1));
    if (spec_.checkpoint) out.checkpoint = CheckpointSpec{spec_.checkpoint, false};
    out.max_restarts = 100;
    if (spec_.sample) {
      out.estimate = kForGood;
      asked_ += job.gpus * job.tasks;
      draw();
    }
    return item;
  }

  const std::vector<std::string>& projects() const override { return projects_; }
  std::vector<std::string> contracts() const override {
    std::vector<std::string> out{contract_or(spec_.contract)};
    if (!spec_.spot_contract.empty()) out.push_back(spec_.spot_contract);
    return out;
  }

  std::string spot_contract() const override { return spec_.spot_contract; }

 private:
  static constexpr Duration kForGood = hours(24 * 365);

  // Every job once, in random order, then again.
  void draw() {
    if (left_.empty()) {
      left_.resize(trace_.jobs.size());
      for (std::size_t i = 0; i < left_.size(); ++i) left_[i] = i;
    }
    const std::size_t pick = chance_.below(left_.size());
    std::swap(left_[pick], left_.back());
    drawn_ = left_.back();
    left_.pop_back();
  }

  TraceLoadSpec spec_;
  Trace trace_;
  std::size_t place_;
  Time from_;
  Chance chance_;
  std::int32_t largest_ = 8;
  std::vector<std::string> projects_;
  std::int64_t taken_ = 0;
  MilliGpu wanted_;
  MilliGpu asked_;
  std::size_t drawn_ = 0;
  std::vector<std::size_t> left_;
};

class SyntheticLoad : public Load {
 public:
  SyntheticLoad(const SyntheticLoadSpec& spec, std::size_t place, Time from, std::uint64_t seed)
      : spec_(spec), place_(place), chance_(seed, 2), at_(from) {
    for (const MixSpec& mix : spec.mix) {
      weight_ += mix.weight;
      const std::string tenant(tenant_of(contract_or(mix.contract)));
      for (std::int32_t p = 0; p < spec.projects; ++p) {
        const std::string project = fmt::format("{}/p{}", tenant, p);
        if (std::find(projects_.begin(), projects_.end(), project) == projects_.end()) projects_.push_back(project);
      }
    }
    step();
  }

  std::optional<Time> next() const override { return at_; }

  SubmitJobs::Item take() override {
    auto left = static_cast<std::int64_t>(chance_.below(static_cast<std::uint64_t>(weight_)));
    std::size_t i = 0;
    while (left >= spec_.mix[i].weight) left -= spec_.mix[i++].weight;
    const MixSpec& mix = spec_.mix[i];
    const std::string contract = contract_or(mix.contract);
    const std::uint64_t project = chance_.below(static_cast<std::uint64_t>(spec_.projects));
    SubmitJobs::Item item{Metadata{fmt::format("{}/p{}/w{}-{}", tenant_of(contract), project, place_, ++taken_), {}, {}}, {}};
    JobSpec& out = item.spec;
    out.contract = contract;
    TaskGroupSpec group;
    group.name = "main";
    group.replicas = mix.tasks;
    group.gpus = mix.gpus;
    group.cpu = mix.cpu;
    group.memory = mix.memory;
    group.command = {"true"};
    out.groups.push_back(std::move(group));
    out.gpu_models = mix.gpu_models;
    out.estimate = chance_.around(mix.median, static_cast<double>(mix.spread.value_or(Ppm(1'000'000)).count()) / 1e6);
    if (spec_.time_limit) out.time_limit = std::max(part_of(*out.estimate, *spec_.time_limit), seconds(1));
    if (mix.checkpoint) out.checkpoint = CheckpointSpec{mix.checkpoint, false};
    out.max_restarts = mix.restarts;
    step();
    return item;
  }

  const std::vector<std::string>& projects() const override { return projects_; }
  std::vector<std::string> contracts() const override {
    std::set<std::string> out;
    for (const MixSpec& mix : spec_.mix) out.insert(contract_or(mix.contract));
    return {out.begin(), out.end()};
  }

 private:
  // Thinning (Lewis and Shedler 1979): candidates at the highest rate, of which the rate of the hour decides.
  void step() {
    const double swing = static_cast<double>(spec_.swing.value_or(Ppm(0)).count()) / 1e6;
    const double most = static_cast<double>(spec_.per_hour) * (1.0 + swing);
    while (true) {
      at_ = at_ + chance_.wait(3600.0 / most);
      if (!spec_.swing) return;
      const double hour = static_cast<double>(at_.ns % 86'400'000'000'000) / 3.6e12;  // of the day, in UTC
      const double rate = static_cast<double>(spec_.per_hour) * (1.0 - swing * std::cos(6.283185307179586 * hour / 24.0));
      if (chance_.part() * most < rate) return;
    }
  }

  SyntheticLoadSpec spec_;
  std::size_t place_;
  Chance chance_;
  Time at_;
  std::int64_t weight_ = 0;
  std::int64_t taken_ = 0;
  std::vector<std::string> projects_;
};

}  // namespace

std::string model_name(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = small(c);
  return out;
}

std::unique_ptr<Load> trace_load(const TraceLoadSpec& spec, Trace trace, std::size_t place, Time from, std::uint64_t seed,
                                 MilliGpu gpus, std::int32_t largest, const std::vector<std::string>& models) {
  return std::make_unique<TraceLoad>(spec, std::move(trace), place, from, seed, gpus, largest, models);
}

std::unique_ptr<Load> synthetic_load(const SyntheticLoadSpec& spec, std::size_t place, Time from, std::uint64_t seed) {
  return std::make_unique<SyntheticLoad>(spec, place, from, seed);
}

}  // namespace penstock

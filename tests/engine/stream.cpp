// A fleet, its customers and its agents, played by dice.
#include "stream.h"

#include "base/name.h"
#include "world.h"

namespace penstock {
namespace {

const std::vector<std::string> kModels = {"h200", "a100"};
const std::vector<std::string> kSites = {"alpha", "beta", "gamma"};
const std::vector<std::string> kTenants = {"acme", "zeta"};
const std::vector<std::string> kProjects = {"acme/llm", "acme/web", "zeta/llm"};
const std::vector<std::string> kContracts = {"acme/main", "acme/spot", "zeta/main"};
const Time kBegin = Stream::begin();
const std::vector<std::vector<std::string>> kCountries = {{}, {}, {"NO"}, {"GB"}, {"GB", "NO"}, {"SE"}};

}  // namespace

Time Stream::begin() { return *Text<Time>::parse("2026-06-30T23:00:00Z"); }

Stream::Step Stream::next(const State& state) {
  Step step;
  step.pause = pause();
  if (keyed_ && one_in(20)) {
    step.command = keyed_->command;
    step.key = keyed_->key;
    step.fingerprint = keyed_->fingerprint + (one_in(4) ? 1 : 0);
    return step;
  }
  step.command = command(state);
  if (!std::holds_alternative<Tick>(step.command) && one_in(8)) {
    step.key = fmt::format("key{}", pick(50));
    step.fingerprint = ++serial_;
    keyed_ = step;
  }
  return step;
}

Duration Stream::pause() {
  switch (pick(20)) {
    case 0: return minutes(static_cast<std::int64_t>(pick(10)));
    case 1: return one_in(5) ? minutes(static_cast<std::int64_t>(pick(100))) : seconds(30);
    case 2: return nanoseconds(static_cast<std::int64_t>(pick(1'000'000'000)));
    case 3: return Duration();
    default: return milliseconds(static_cast<std::int64_t>(pick(5'000)));
  }
}

// A job that holds something, mostly.
std::string Stream::held_or_any(const State& state) {
  std::string name = fmt::format("{}/j{}", any(kProjects), pick(30));
  for (const auto& [uid, job] : state.facts().jobs) {
    if (job.holds() && one_in(2)) name = job.name;
  }
  return name;
}

Command Stream::command(const State& state) {
  const std::uint64_t dice = state.facts().sites.size() < 2 ? pick(10) : pick(100);
  if (dice < 8) return apply(state);
  if (dice < 10) return remove(state);
  if (dice < 34) return submit(state.facts().now);
  if (dice < 37) return CancelJob{fmt::format("{}/j{}", any(kProjects), pick(30)), {}};
  if (dice < 39) return HoldJob{fmt::format("{}/j{}", any(kProjects), pick(30)), one_in(2), {}};
  if (dice < 40) return SuspendJob{held_or_any(state), {}};
  if (dice < 41) return ResizeJob{held_or_any(state), static_cast<std::int32_t>(1 + pick(6)), {}};
  if (dice < 48) return enrol(state);
  if (dice < 63) return sync(state);
  if (dice < 78) return report(state);
  if (dice < 80) {
    TokenRecord token;
    token.id = fmt::format("t{}", pick(4));
    token.hash = "00";
    token.role = one_in(2) ? Role::kMember : Role::kOperator;
    if (is_tenant_role(*token.role)) token.tenant = any(kTenants);
    if (one_in(3)) {
      token.role = std::nullopt;
      token.principal = any(kTenants) + "/ann";
    }
    if (one_in(3)) token.expires = token.created + minutes(static_cast<std::int64_t>(pick(10)));
    token.created = state.facts().now;
    return IssueToken{token};
  }
  if (dice < 81) return RevokeToken{fmt::format("t{}", pick(4))};
  if (dice < 82) {
    const std::string scope = one_in(4) ? "" : any(kTenants) + "/";
    if (one_in(3)) return DeleteObject{one_in(2) ? Kind::kPrincipal : Kind::kGrant, scope + "ann", {}};
    GrantSpec grant;
    grant.role = scope.empty() ? Role::kAuditor : Role::kMember;
    grant.principals = {"ann"};
    if (one_in(3)) grant.project = "llm";
    return ApplyDocuments{{document(scope + "ann", PrincipalSpec{}), document(scope + "ann", std::move(grant))}, one_in(8)};
  }
  if (dice < 83) return TakeLeadership{state.facts().epoch + pick(2), "1.0"};
  if (dice < 87) return ApplyDocuments{{restriction_document(state)}, one_in(8)};
  if (dice < 88) return DeleteObject{Kind::kRestriction, fmt::format("{}/x{}", any(kSites), pick(4)), {}};
  if (dice < 90) {
    const std::optional<Watts> limit = one_in(3) ? std::nullopt : std::optional(Watts(static_cast<std::int64_t>(pick(1'000) + 1)));
    return SetGpuPower{held_or_any(state), limit, {}};
  }
  if (dice < 92 && !state.estate().nodes().empty()) {
    const std::string node = state.estate().nodes()[pick(state.estate().nodes().size())].name;
    return one_in(3) ? Command(LoseNode{node, "a fault"}) : Command(GiveBackNode{node});
  }
  if (dice < 94) return account();
  if (dice < 98) return care(state);
  return Tick{};
}

// What people and nodes say of the fleet's health: mostly of nodes that something is known of.
Command Stream::care(const State& state) {
  const auto& nodes = state.estate().nodes();
  if (nodes.empty()) return Tick{};
  std::string node = nodes[pick(nodes.size())].name;
  for (const auto& [name, known] : state.facts().care) {
    if (one_in(3)) node = name;
  }
  const auto& open = state.facts().breakers;
  if (!open.empty() && one_in(3)) return SwitchBreaker{open.begin()->first, false, "by hand"};
  switch (pick(11)) {
    case 9: {
      const auto& waves = state.facts().waves;
      if (waves.empty() || one_in(3)) {
        WaveSpec wave;
        wave.site = std::string(tenant_of(node));
        wave.nodes = {node.substr(wave.site.size() + 1)};
        wave.action = enum_names(WaveAction{})[pick(4)].value;
        wave.most_failed = static_cast<std::int32_t>(pick(2));
        return BeginWave{fmt::format("w{}", pick(4)), wave};
      }
      return SwitchWave{waves.begin()->first, enum_names(WaveState{})[pick(4)].value, "by hand"};
    }
    case 10: return ReleaseNode{node};
    case 0: return CordonNode{node, one_in(2), one_in(2), "to look at it"};
    case 1: return MoveNode{node, enum_names(NodeState{})[pick(enum_names(NodeState{}).size())].value, "by hand"};
    case 2: return MendNode{node, enum_names(RemedyAction{})[pick(4)].value, one_in(2), one_in(2), "by hand"};
    case 3: return SwitchBreaker{one_in(4) ? std::string() : any(kSites), !one_in(3), "by hand"};
    case 4: {
      Uid uid{pick(100)};
      for (const auto& [of, ticket] : state.facts().tickets) {
        if (one_in(2)) uid = of;
      }
      return CloseTicket{uid, "replaced it"};
    }
    case 5: return ReplaceTask{held_or_any(state), static_cast<std::int32_t>(pick(3)), "it hangs"};
    default: return ReportFindings{node, findings()};
  }
}

std::vector<Finding> Stream::findings() {
  std::vector<Finding> out;
  for (std::uint64_t i = pick(3); i > 0; --i) {
    Finding finding;
    finding.check = enum_names(NodeCheck{})[pick(enum_names(NodeCheck{}).size())].value;
    if (finding.check == NodeCheck::kXid) finding.code = one_in(2) ? 79 : 94;
    finding.device = static_cast<std::int32_t>(pick(5)) - 1;
    finding.detail = "seen";
    out.push_back(std::move(finding));
  }
  return out;
}

// How remedies under way have gone.
std::vector<std::pair<std::string, RemedyReport>> Stream::remedies(const State& state) {
  std::vector<std::pair<std::string, RemedyReport>> out;
  for (const auto& [name, care] : state.facts().care) {
    if (care.remedy && one_in(3)) out.push_back({name, {care.remedy->uid, !one_in(4), "said so"}});
  }
  return out;
}

// Rules that are quick, so that a stream of two hours sees a node come back.
FleetSpec Stream::fleet() {
  FleetSpec spec;
  spec.mode = one_in(4) ? enum_names(FleetMode{})[pick(4)].value : FleetMode::kRemediate;
  spec.dry_run = one_in(10);
  spec.settle = seconds(static_cast<std::int64_t>(pick(30)));
  if (one_in(2)) spec.test = NodeTestSpec{"acme/llm", "acme/spot", {}, {}, {}, {}, one_in(3) ? std::optional(hours(1)) : std::nullopt};
  if (one_in(2)) spec.breaker = BreakerSpec{{}, BreakerLimitSpec{9, {}}, BreakerLimitSpec{one_in(4) ? 1 : 9, {}}, BreakerLimitSpec{9, {}}};
  if (one_in(2)) spec.limits = {{NodeState::kRepair, minutes(5)}, {NodeState::kSuspect, minutes(5)}, {NodeState::kDraining, minutes(2)}};
  if (one_in(3)) spec.lease = minutes(2);
  return spec;
}

Command Stream::account() {
  const std::int64_t amount = static_cast<std::int64_t>(pick(10'000'000));
  switch (pick(3)) {
    case 0: {
      const Time from = some_time();
      return ReadMeter{{any(kSites), from, from + minutes(1 + static_cast<std::int64_t>(pick(20))), Joules(amount)}};
    }
    case 1: return Adjust{{any(kProjects), any(kContracts), {one_in(2) ? amount : -amount, "USD"}, "because", {}}};
    default: return CloseMonth{one_in(4) ? "2026-07" : "2026-06"};
  }
}

Document Stream::estate_document() {
  if (one_in(4)) {
    const std::string& model = any(kModels);
    NodeTypeSpec type = node_type(model, one_in(4) ? 8 : 4);
    if (one_in(3)) type.cpu = type.cpu + MilliCpu(static_cast<std::int64_t>(pick(16'000)));
    if (one_in(3)) type.power.idle = Watts(50) * type.devices.count;
    if (one_in(3)) type.supplies = SuppliesSpec{6, one_in(2) ? 5 : 3};
    if (one_in(3)) type.liquid_share = Ppm(600'000);
    if (one_in(3)) type.flow = MillilitresPerMinute(4'000);
    return document(model, type);
  }
  const std::string racks = fmt::format("r[1-{}]", 1 + pick(3));
  const std::string nodes = fmt::format("n[1-{}]", 1 + pick(3));
  SiteSpec spec = site(one_in(2) ? "NO" : "GB", one_in(30) ? "abacus" : any(kModels), racks, nodes,
                       one_in(2) ? RuntimeKind::kAgent : RuntimeKind::kSimulated);
  if (one_in(2)) spec.halls[0].rows[0].racks[0].labels = {{"pool", one_in(2) ? "train" : "serve"}};
  if (one_in(4)) spec.halls[0].rows[0].racks[0].nodes.push_back({"x1", any(kModels)});
  if (one_in(2)) add_network(spec);
  if (one_in(2)) spec.fleet = fleet();
  return document(any(kSites), spec);
}

// Two sides and a loop, mostly of enough for a part of the nodes.
void Stream::add_network(SiteSpec& spec) {
  GridSpec grid;
  grid.contracted = Watts(60'000);
  if (one_in(4)) {
    grid.phases = {{kBegin - hours(1), Watts(30'000), std::nullopt, Confidence::kLive},
                   {some_time(), Watts(20'000 + 20'000 * static_cast<std::int64_t>(pick(2))), std::nullopt, Confidence::kLive}};
  }
  if (one_in(8)) grid.ramp_per_second = Watts(5'000);
  if (one_in(6)) grid.interruptible = InterruptibleSpec{Watts(20'000), minutes(5)};
  if (one_in(2)) grid.price_per_kwh = Money{120'000, one_in(4) ? "NOK" : "USD"};
  if (one_in(3)) grid.tariff = TariffSpec{"", {{kBegin, Money{100'000, "USD"}}, {kBegin + minutes(50), Money{-5'000, "USD"}}}};
  if (one_in(2)) grid.carbon = CarbonSpec{"", {{kBegin, 120}, {kBegin + minutes(15), 30}}};
  spec.grid = grid;
  ElementSpec source;
  source.name = "grid";
  source.kind = ElementKind::kGrid;
  source.rating = Watts(100'000);
  ElementSpec side;
  side.name = "ups-[a,b]";
  side.kind = ElementKind::kUps;
  side.rating = Watts(6'000 + 2'000 * static_cast<std::int64_t>(pick(10)));
  if (one_in(2)) {
    side.efficiency = Ppm(960'000);
  } else {
    side.efficiency_curve = {{Ppm(300'000), Ppm(920'000)}, {Ppm(1'000'000), Ppm(960'000)}};
  }
  if (one_in(2)) side.overload = {{Ppm(1'500'000), seconds(10)}};
  side.feeds = {{"grid", std::nullopt, std::nullopt}};
  spec.network = NetworkSpec{{source, side}};
  if (one_in(3)) {
    ElementSpec standby;
    standby.name = "gen";
    standby.kind = ElementKind::kGenerator;
    standby.rating = Watts(20'000);
    if (one_in(2)) standby.from = some_time();
    spec.network->elements.push_back(standby);
    spec.network->elements[1].feeds = {{"grid", Ppm(1'000'000), std::nullopt}, {"gen", Ppm(0), std::nullopt}};
  }
  if (one_in(6)) spec.halls[0].from = some_time();
  RackSpec& rack = spec.halls[0].rows[0].racks[0];
  rack.feeds = {{"ups-a", std::nullopt, std::nullopt}, {"ups-b", std::nullopt, std::nullopt}};
  if (one_in(6)) rack.feeds.pop_back();
  if (one_in(2)) return;
  CoolingUnitSpec unit;
  unit.name = "crah-[1-2]";
  unit.kind = CoolingKind::kCrah;
  unit.air = Watts(6'000 + 2'000 * static_cast<std::int64_t>(pick(10)));
  unit.draw = Watts(100);
  if (one_in(2)) unit.liquid = unit.air;
  if (one_in(2)) unit.flow = MillilitresPerMinute(20'000 + 10'000 * static_cast<std::int64_t>(pick(10)));
  if (one_in(2)) unit.feeds = {{"ups-a", std::nullopt, std::nullopt}, {"ups-b", std::nullopt, std::nullopt}};
  const std::optional<Duration> hold = one_in(2) ? std::optional(seconds(20)) : std::nullopt;
  spec.cooling = CoolingSpec{{unit}, {{"air", {"crah-[1-2]"}, hold}}};
  rack.loops = {"air"};
}

// In the first two hours, which most streams reach.
Time Stream::some_time() { return kBegin + minutes(static_cast<std::int64_t>(pick(120))); }

Document Stream::restriction_document(const State& state) {
  RestrictionSpec spec;
  spec.cause = enum_names(RestrictionCause{})[pick(4)].value;
  const Time now = state.facts().now;
  if (spec.cause == RestrictionCause::kOrder) {
    spec.import = Watts(1'000 * static_cast<std::int64_t>(pick(30)));
  } else {
    spec.parts = {one_in(8) ? "crah-1" : spec.cause == RestrictionCause::kMaintenance ? "ups-a" : "ups-b"};
  }
  if (spec.cause == RestrictionCause::kDerating) spec.to = Ppm(100'000 * static_cast<std::int64_t>(pick(10)));
  if (spec.cause == RestrictionCause::kMaintenance || one_in(2)) {
    spec.from = now + minutes(static_cast<std::int64_t>(pick(8)));
    spec.until = *spec.from + minutes(1 + static_cast<std::int64_t>(pick(20)));
  }
  return document(fmt::format("{}/x{}", any(kSites), static_cast<int>(spec.cause)), spec);
}

Document Stream::tenancy_document(const State& state) {
  switch (pick(4)) {
    case 3: {
      // One under which nothing runs, for the book.
      ContractSpec spec = contract();
      spec.service_class = ServiceClass::kReserved;
      const Time now = state.facts().now;
      if (const auto stored = state.facts().contracts.find("acme/gold"); stored != state.facts().contracts.end()) {
        for (const RampStepSpec& step : stored->second.spec.ramp) {
          if (step.from < now) spec.ramp.push_back(step);
        }
      }
      spec.ramp.push_back({now + minutes(5), static_cast<std::int64_t>(1 + pick(30))});
      return document("acme/gold", spec);
    }
    case 0: {
      TenantSpec tenant;
      tenant.jurisdictions = any(kCountries);
      if (one_in(2)) tenant.share = ShareSpec{static_cast<std::int64_t>(1 + pick(4)), std::nullopt};
      return document(any(kTenants), tenant);
    }
    case 1: {
      ProjectSpec project;
      if (one_in(2)) project.share = ShareSpec{1, MilliGpu(static_cast<std::int64_t>(pick(8'000)))};
      if (one_in(2)) {
        project.quota.emplace();
        if (one_in(2)) project.quota->gpus = MilliGpu(static_cast<std::int64_t>(pick(40'000)));
        if (one_in(2)) project.quota->pending = static_cast<std::int64_t>(pick(20));
      }
      if (one_in(2)) project.budget = BudgetSpec{{static_cast<std::int64_t>(pick(4'000'000)), "USD"}, {Ppm(500'000)}, one_in(2)};
      return document(one_in(30) ? "omega/none" : any(kProjects), project);
    }
    default: {
      ContractSpec spec = contract();
      const Time now = state.facts().now;
      const std::string name = any(kContracts);
      if (one_in(20)) spec.price_per_gpu_hour.currency = "EUR";
      spec.price_per_gpu_hour.micros = static_cast<std::int64_t>(pick(5'000'000));
      if (one_in(4)) spec.from = now + minutes(static_cast<std::int64_t>(pick(60)));
      if (one_in(4)) spec.until = now + minutes(60 + static_cast<std::int64_t>(pick(60)));
      const bool few = one_in(2);
      if (one_in(3)) {
        const Time soon = now + minutes(one_in(2) ? 0 : 5);  // time passes before the command is carried out
        spec.ramp = {{soon, static_cast<std::int64_t>(pick(few ? 4 : 20))},
                     {soon + minutes(20), static_cast<std::int64_t>(pick(few ? 8 : 60))}};
      }
      // Mostly what has begun is left as it is; else the change is refused.
      const auto stored = state.facts().contracts.find(name);
      if (stored != state.facts().contracts.end() && !one_in(8)) {
        std::vector<RampStepSpec> ramp = stored->second.spec.ramp;
        std::erase_if(ramp, [&](const RampStepSpec& step) { return now <= step.from; });
        ramp.insert(ramp.end(), spec.ramp.begin(), spec.ramp.end());
        spec.ramp = std::move(ramp);
        if (stored->second.spec.from && *stored->second.spec.from < now) spec.from = stored->second.spec.from;
        if (spec.from && spec.until && *spec.until <= *spec.from) spec.until.reset();
      }
      spec.jurisdictions = any(kCountries);
      if (one_in(6)) spec.gpu_models = {any(kModels)};
      if (!spec.gpu_models.empty() && one_in(2)) spec.substitutes = {any(kModels)};
      if (!spec.ramp.empty() && one_in(4)) spec.overage = OverageSpec{4, spec.price_per_gpu_hour};
      if (one_in(6)) spec.sites = {any(kSites)};
      spec.service_class = stored != state.facts().contracts.end() && !one_in(3) ? stored->second.spec.service_class
                                                                                  : enum_names(ServiceClass{})[pick(3)].value;
      if (spec.service_class == ServiceClass::kReserved && one_in(2)) spec.reclaim = seconds(20);
      if (spec.service_class == ServiceClass::kReserved && !spec.ramp.empty()) {
        spec.oversold = !few;
        if (few) {  // so that some of them are signed
          spec.jurisdictions.clear();
          spec.gpu_models.clear();
          spec.substitutes.clear();
          spec.sites.clear();
        }
      }
      spec.cpu_jobs = one_in(2);
      if (one_in(2)) spec.shed = ShedSpec{Ppm(250'000 * static_cast<std::int64_t>(pick(4))), one_in(2) ? std::optional(Ppm(300'000)) : std::nullopt};
      add_terms(spec, now);
      return document(name, spec);
    }
  }
}

// What is asked for it, and what is given back.
void Stream::add_terms(ContractSpec& spec, Time now) {
  const std::string& currency = spec.price_per_gpu_hour.currency;
  if (one_in(3)) spec.energy = EnergyTerms::kPassThrough;
  if (one_in(4)) spec.minimum_per_month = Money{1'000'000'000, currency};
  if (one_in(4)) spec.prepaid = Money{static_cast<std::int64_t>(pick(50'000'000)), currency};
  if (one_in(4)) {
    AmendmentSpec row;
    row.from = now + minutes(static_cast<std::int64_t>(pick(30)));
    row.price_per_gpu_hour = Money{static_cast<std::int64_t>(pick(5'000'000)), currency};
    spec.amendments = {row};
  }
  if (spec.service_class != ServiceClass::kReserved || spec.ramp.empty()) return;
  if (one_in(2)) spec.billing = Billing::kCapacity;
  if (one_in(2)) spec.sla = SlaSpec{Ppm(999'000), minutes(1), {{Ppm(999'000), Ppm(100'000)}, {Ppm(500'000), Ppm(500'000)}}};
}

ApplyDocuments Stream::apply(const State& state) {
  ApplyDocuments out;
  out.dry_run = one_in(8);
  if (state.facts().node_types.empty()) {
    for (const std::string& model : kModels) out.documents.push_back(document(model, node_type(model, 4)));
    for (const std::string& tenant : kTenants) out.documents.push_back(document(tenant, TenantSpec{}));
    for (const std::string& project : kProjects) out.documents.push_back(document(project, ProjectSpec{}));
    for (const std::string& name : kContracts) {
      ContractSpec spec = contract();
      spec.shed = ShedSpec{Ppm(one_in(4) ? 0 : 500'000), std::nullopt};
      if (name == "acme/spot") spec.service_class = ServiceClass::kSpot;
      if (name == "zeta/main" && one_in(2)) {
        spec.service_class = ServiceClass::kReserved;
        spec.oversold = true;  // nothing stands yet
        spec.ramp = {{kBegin, static_cast<std::int64_t>(pick(16))}};
      }
      out.documents.push_back(document(name, spec));
    }
    return out;
  }
  for (std::uint64_t i = pick(3) + 1; i > 0; --i) {
    out.documents.push_back(one_in(2) ? estate_document() : tenancy_document(state));
    if (one_in(10)) out.documents.back().metadata.version = pick(state.facts().position + 1);
    if (one_in(5)) out.documents.back().metadata.labels = {{"serial", fmt::format("{}", pick(3))}};
  }
  return out;
}

DeleteObject Stream::remove(const State& state) {
  DeleteObject out;
  switch (pick(6)) {
    case 5: out = {Kind::kRestriction, fmt::format("{}/x{}", any(kSites), pick(4)), {}}; break;
    case 0: out = {Kind::kNodeType, any(kModels), {}}; break;
    case 1: out = {Kind::kSite, any(kSites), {}}; break;
    case 2: out = {Kind::kTenant, any(kTenants), {}}; break;
    case 3: out = {Kind::kProject, any(kProjects), {}}; break;
    default: out = {Kind::kContract, any(kContracts), {}}; break;
  }
  if (one_in(4)) out.version = pick(state.facts().position + 1);
  return out;
}

JobSpec Stream::job() {
  JobSpec spec = gang(1 + static_cast<std::int32_t>(pick(4)), 1000, static_cast<std::int32_t>(pick(3)) - 1);
  if (one_in(4)) {
    spec.groups.push_back(spec.groups[0]);
    spec.groups[1].name = "other";
  }
  for (TaskGroupSpec& group : spec.groups) {
    group.gpus = MilliGpu(static_cast<std::int64_t>(one_in(2) ? 1 + pick(999) : 1000 * (1 + pick(4))));
    if (one_in(3)) group.cpu = MilliCpu(static_cast<std::int64_t>(pick(20'000)));
    if (one_in(3)) group.memory = Bytes(static_cast<std::int64_t>(pick(100)) << 30);
    if (one_in(10)) group.image = "train:1";
    if (one_in(8)) group.replicas *= 4;
    if (one_in(12)) {
      group.gpus = MilliGpu();
      group.cpu = MilliCpu(static_cast<std::int64_t>(1 + pick(10'000)));
    }
  }
  if (one_in(4)) spec.groups[0].min_replicas = 1 + static_cast<std::int32_t>(pick(spec.groups[0].replicas));
  if (one_in(4)) spec.contract = any(kContracts);
  if (one_in(6)) spec.gpu_models = {any(kModels)};
  if (one_in(10)) spec.node_types = {any(kModels)};
  if (one_in(10)) spec.node_labels = {{"pool", one_in(2) ? "train" : "serve"}};
  if (one_in(8)) spec.sites = {any(kSites)};
  if (one_in(4)) spec.jurisdictions = any(kCountries);
  if (one_in(2)) spec.time_limit = minutes(static_cast<std::int64_t>(1 + pick(30)));
  if (one_in(3)) spec.stop_grace = seconds(static_cast<std::int64_t>(pick(40)));
  if (one_in(3)) spec.checkpoint = CheckpointSpec{one_in(2) ? std::optional(seconds(30)) : std::nullopt, one_in(2)};
  if (one_in(15)) spec.hold = true;
  if (one_in(8)) {
    spec.placement.emplace();
    const std::vector<std::string> tiers = {"node", "rack", "row", "hall", "leaf"};
    switch (pick(3)) {
      case 0: spec.placement->pack = TierWishSpec{any(tiers), one_in(2)}; break;
      case 1: spec.placement->spread = TierWishSpec{any(tiers), one_in(2)}; break;
      default: spec.placement->segment = SegmentSpec{1, any(tiers)}; break;
    }
  }
  if (one_in(8)) spec.prefer = PreferSpec{{any(kSites)}, {{"pool", "train"}}, one_in(2) ? std::optional(EnergyWish::kCost) : std::nullopt};
  spec.max_restarts = static_cast<std::int32_t>(pick(3));
  return spec;
}

SubmitJobs Stream::submit(Time now) {
  SubmitJobs out;
  for (std::uint64_t i = pick(4) + 1; i > 0; --i) {
    const std::string name = fmt::format("{}/j{}", any(kProjects), pick(30));
    JobSpec spec = job();
    if (spec.contract.empty() && name.starts_with("acme")) spec.contract = one_in(4) ? "acme/spot" : "acme/main";
    if (one_in(12)) spec.start_at = now + minutes(static_cast<std::int64_t>(pick(20)));
    if (one_in(8)) {
      spec.after = {{fmt::format("{}/j{}", parent_of(name), pick(30)), one_in(2) ? DependencyKind::kOk : DependencyKind::kAny}};
    }
    out.items.push_back({Metadata{name, {}, {}}, std::move(spec)});
  }
  return out;
}

RegisterNode Stream::enrol(const State& state) {
  RegisterNode out;
  out.token.id = fmt::format("n{}", ++serial_);
  out.token.hash = "00";
  out.token.role = Role::kNode;
  const auto& nodes = state.estate().nodes();
  const std::string node = nodes.empty() || one_in(20) ? "alpha/h1/r9/n9" : nodes[pick(nodes.size())].name;
  out.hello = hello(state.estate(), node, one_in(2));
  out.token.node = node;
  if (one_in(10)) out.hello.device_count = 2;
  return out;
}

TaskReport Stream::advance(const Job& job, std::int32_t rank) {
  TaskReport report = job.tasks[rank];
  if (report.phase == TaskPhase::kAssigned && !one_in(6)) {
    report.phase = TaskPhase::kRunning;
    report.pid = static_cast<std::int64_t>(pick(30'000));
    return report;
  }
  report.phase = TaskPhase::kExited;
  report.end = job.phase == JobPhase::kStopping ? TaskEnd::kStopped : TaskEnd::kExited;
  if (one_in(5)) report.end = enum_names(TaskEnd{})[pick(enum_names(TaskEnd{}).size())].value;
  if (one_in(5)) report.exit_code = 1;
  if (one_in(3)) {
    report.energy = Joules(static_cast<std::int64_t>(pick(100'000)));
    report.energy_source = EnergySource::kRapl;
  }
  if (one_in(5)) report.message = "it said \"so\"\n";
  return report;
}

SyncNode Stream::sync(const State& state) {
  SyncNode out;
  const auto& nodes = state.facts().nodes;
  if (nodes.empty()) return out;
  auto node = nodes.begin();
  std::advance(node, static_cast<std::ptrdiff_t>(pick(nodes.size())));
  out.node = node->first;
  out.registration = one_in(20) ? Uid{pick(100)} : node->second.registration;
  if (one_in(4)) out.findings = findings();
  for (auto& [name, remedy] : remedies(state)) {
    if (name == out.node) out.remedies.push_back(std::move(remedy));
  }
  out.revision = one_in(4) ? pick(state.facts().position + 1) : state.revision(node->first);
  for (const auto& [uid, job] : state.facts().jobs) {
    if (!job.holds()) continue;
    for (std::int32_t rank = 0; rank < static_cast<std::int32_t>(job.tasks.size()); ++rank) {
      const bool own = job.allocation->tasks[rank].node == node->first;
      if (own && one_in(30)) continue;
      if (!own && !one_in(30)) continue;
      if (one_in(3)) {
        out.tasks.push_back(advance(job, rank));
      } else if (job.tasks[rank].phase != TaskPhase::kAssigned) {
        out.tasks.push_back(job.tasks[rank]);
      }
    }
  }
  return out;
}

ReportTasks Stream::report(const State& state) {
  ReportTasks out;
  out.remedies = remedies(state);
  for (const auto& [uid, job] : state.facts().jobs) {
    if (!job.allocation) continue;
    for (std::int32_t rank = 0; rank < static_cast<std::int32_t>(job.tasks.size()); ++rank) {
      if (job.holds() ? one_in(3) : one_in(30)) out.tasks.push_back(advance(job, rank));
    }
  }
  return out;
}

}  // namespace penstock

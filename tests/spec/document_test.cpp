// Documents: every kind of badness with its exact text and place; what is good survives JSON and YAML.
#include "spec/document.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "spec/yaml.h"

namespace penstock {
namespace {

constexpr std::string_view kNodeType = R"(
apiVersion: penstock/v1
kind: NodeType
metadata: {name: hgx}
spec:
  devices: {model: h200, count: 8, memory: 141GB, powerLimitMin: 200W, powerLimitMax: 700W}
  cpu: 224
  memory: 2TiB
  disk: 30TB
  power: {idle: 2kW, max: 10.2kW}
  supplies: {count: 6, needed: 4}
  liquidShare: 0%
)";

constexpr std::string_view kSite = R"(
apiVersion: penstock/v1
kind: Site
metadata: {name: north, labels: {owner: "007"}}
spec:
  country: NO
  runtime: simulated
  grid:
    contracted: 10MW
    phases:
    - {from: 2026-01-01, energised: 5MW, built: 8MW}
    - {from: 2027-01-01, energised: 10MW, confidence: planned}
    pricePerKwh: 0.04 EUR
  network:
    elements:
    - {name: grid, kind: grid, rating: 10MW}
    - {name: "ups-[a,b]", kind: ups, rating: 5MW, efficiency: 96.5%, feeds: [{from: grid}]}
  cooling:
    units: [{name: "cdu-[1-2]", kind: cdu, liquid: 1MW, air: 0W, flow: 900L/min, draw: 12kW}]
    loops: [{name: main, units: ["cdu-[1-2]"]}]
  fabric: {nvlinkDomain: node, tiers: [{name: leaf, group: rack}, {name: spine, group: site}]}
  halls:
  - name: h1
    rows:
    - name: r[1-2]
      racks:
      - name: "{row}k[01-10]"
        nodes: [{name: "n[1-4]", type: hgx}]
        feeds: [{from: ups-a, share: 50%}, {from: ups-b, share: 50%}]
        loops: [main]
        labels: {pool: train}
  exceptions:
  - {rack: h1/r1k01, absent: true}
)";

constexpr std::string_view kContract = R"(
apiVersion: penstock/v1
kind: Contract
metadata: {name: acme/five-years}
spec:
  class: reserved
  gpuModels: [h200]
  ramp: [{from: 2026-01-01, gpus: 64}, {from: 2026-07-01, gpus: 128}]
  sites: [north]
  jurisdictions: [NO, SE]
  pricePerGpuHour: 2.49 USD
  from: 2026-01-01
  until: 2031-01-01
)";

constexpr std::string_view kJob = R"(
apiVersion: penstock/v1
kind: Job
metadata: {name: acme/llm/train-7}
spec:
  contract: acme/five-years
  priority: 10
  groups:
  - name: worker
    replicas: 16
    gpus: 8
    cpu: 200
    memory: 1TiB
    command: [python3, -c, "print('x')\nprint(1)\n"]
    env: {OMP_NUM_THREADS: "8"}
  jurisdictions: [NO]
  timeLimit: PT3H
  estimate: PT2H
  stopGrace: PT1M
  maxRestarts: 3
)";

constexpr std::string_view kRest = R"(
apiVersion: penstock/v1
kind: Tenant
metadata: {name: acme}
spec: {displayName: Acme GmbH, jurisdictions: [NO, SE]}
---
apiVersion: penstock/v1
kind: Project
metadata: {name: acme/llm}
spec: {quota: {gpus: 128, pending: 10}}
---
apiVersion: penstock/v1
kind: Restriction
metadata: {name: north/hot}
spec: {cause: derating, parts: ["ups-[a,b]"], to: 80%, from: 2026-06-01, until: 2026-06-02, note: heat}
---
apiVersion: penstock/v1
kind: Principal
metadata: {name: acme/ann}
spec: {type: user, subject: "248289761001", groups: [ops]}
---
apiVersion: penstock/v1
kind: Grant
metadata: {name: acme/ops}
spec: {role: member, project: llm, groups: [ops]}
)";

std::string everything() {
  std::string text;
  for (std::string_view part : {kNodeType, kSite, kContract, kJob, kRest}) text += std::string(part) + "---";
  return text;
}

// The first text with `from` replaced by `to`, once.
std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) out.replace(at, from.size(), to);
  return out;
}

std::string faults_of(const std::string& text, const ReadLimits& limits = {}) {
  const auto read = read_documents({{"f.yaml", text}}, limits);
  return read.ok() ? "no fault" : to_string(read.error());
}

TEST(Document, ReadsEveryKind) {
  const auto read = read_documents({{"f.yaml", everything()}});
  ASSERT_TRUE(read.ok()) << to_string(read.error());
  ASSERT_EQ(read->size(), 9u);
  std::set<Kind> kinds;
  for (const Document& document : *read) kinds.insert(document.kind);
  EXPECT_EQ(kinds.size(), enum_names(Kind{}).size());
  EXPECT_EQ((*read)[0].origin.line, 2);
  EXPECT_EQ((*read)[1].metadata.labels.at("owner"), "007");
  const auto& site = std::get<SiteSpec>((*read)[1].spec);
  EXPECT_EQ(site.grid->phases[1].energised, Watts(10'000'000));
  EXPECT_EQ(site.network->elements[1].efficiency, Ppm(965'000));
  const auto& job = std::get<JobSpec>((*read)[3].spec);
  EXPECT_EQ(job.groups[0].command[2], "print('x')\nprint(1)\n");
  EXPECT_EQ(task_count(job), 16);
  EXPECT_EQ(total_gpus(job), MilliGpu(128'000));
}

TEST(Document, SurvivesJsonAndYaml) {
  const auto read = read_documents({{"f.yaml", everything()}});
  ASSERT_TRUE(read.ok()) << to_string(read.error());
  for (const Document& document : *read) {
    const std::string text = document_json(document);
    const auto parsed = parse_json(text);
    ASSERT_TRUE(parsed.ok()) << text;
    const auto from_body = read_document(*parsed);
    ASSERT_TRUE(from_body.ok()) << to_string(from_body.error());
    EXPECT_EQ(document_json(*from_body), text);
    EXPECT_TRUE(from_body->spec == document.spec && from_body->metadata == document.metadata);
    for (const std::string& again : {to_yaml(*parsed), text}) {
      const auto from_text = read_documents({{"again", again}});
      ASSERT_TRUE(from_text.ok()) << to_string(from_text.error()) << "\n" << again;
      ASSERT_EQ(from_text->size(), 1u);
      EXPECT_EQ(document_json(from_text->front()), text);
    }
  }
}

struct Case {
  const char* name;
  std::string text;
  const char* faults;
};

std::vector<Case> cases() {
  return {
      {"NotADocument", "- a\n",
       "f.yaml:1:1: expected a document: a mapping of apiVersion, kind, metadata and spec, found a list"},
      {"ApiVersionMissing", "kind: Tenant\nmetadata: {name: a}\nspec: {}\n",
       "f.yaml:1:1: apiVersion: 'apiVersion' is missing: expected penstock/v1"},
      {"ApiVersionWrong", "apiVersion: v2\nkind: Tenant\nmetadata: {name: a}\nspec: {}\n",
       "f.yaml:1:1: apiVersion: expected penstock/v1, found \"v2\""},
      {"KindMissing", "apiVersion: penstock/v1\nmetadata: {name: a}\nspec: {}\n",
       "f.yaml:1:1: kind: 'kind' is missing: expected one of NodeType, Site, Tenant, Project, Contract, Restriction, Principal, Grant, Job"},
      {"KindUnknown", "apiVersion: penstock/v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n",
       "f.yaml:2:1: kind: expected one of NodeType, Site, Tenant, Project, Contract, Restriction, Principal, Grant, Job, found \"Pod\""},
      {"MetadataMissing", "apiVersion: penstock/v1\nkind: Tenant\nspec: {}\n",
       "f.yaml:1:1: metadata: 'metadata' is missing: name and labels"},
      {"NameMissing", "apiVersion: penstock/v1\nkind: Tenant\nmetadata:\n  labels: {a: b}\nspec: {}\n",
       "f.yaml:3:1: metadata.name: 'name' is missing: DNS labels joined by '/': scope first"},
      {"NameEmpty", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: \"\"}\nspec: {}\n",
       "f.yaml:3:12: metadata.name: the name is empty"},
      {"SpecMissing", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: a}\n",
       "f.yaml:1:1: spec: 'spec' is missing: what the object should be"},
      {"UnknownField", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {}\nstatus: {}\n",
       "f.yaml:5:1: status: unknown field 'status'; a document has: apiVersion, kind, metadata, spec"},
      {"UnknownFieldBelow", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: a}\nspec:\n  colour: blue\n",
       "f.yaml:5:3: spec.colour: unknown field 'colour'; TenantSpec has: displayName, jurisdictions, share, tax"},
      {"NameTooShallow", with(kJob, "acme/llm/train-7", "train-7"),
       "f.yaml:4:12: metadata.name: 'train-7' is no Job name: expected scope/scope/name, each part 1-63 of a-z, 0-9 "
       "and '-' between"},
      {"NameNoLabel", with(kSite, "name: north", "name: North"),
       "f.yaml:4:12: metadata.name: 'North' is no Site name: expected name, each part 1-63 of a-z, 0-9 and '-' "
       "between"},
      {"GivenTwice", std::string(kNodeType) + "---" + std::string(kNodeType),
       "f.yaml:16:12: metadata.name: NodeType 'hgx' is given twice; first at f.yaml:2"},
      {"NotYaml", "a: [1\nb: 2\n", "f.yaml:2:2: not YAML: end of sequence flow not found"},
      {"NotYamlAfterGood", "apiVersion: penstock/v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n---\na: \"x",
       "f.yaml:2:1: kind: expected one of NodeType, Site, Tenant, Project, Contract, Restriction, Principal, Grant, Job, found \"Pod\"\nf.yaml:6:6: "
       "not YAML: illegal EOF in scalar"},
      {"DuplicateKey", "apiVersion: penstock/v1\nkind: Tenant\nkind: Site\nmetadata: {name: a}\nspec: {}\n",
       "f.yaml:3:1: key 'kind' is given twice; first on line 2"},
      {"CustomTag", "a: !secret x\n",
       "f.yaml:1:4: tag '!secret' is not supported: expected a plain value, or one of YAML's core tags"},
      {"CustomTagOnList", "a: !!set [x]\n",
       "f.yaml:1:4: tag 'tag:yaml.org,2002:set' is not supported: expected a plain value, or one of YAML's core tags"},
      {"CustomTagOnMapping", "a: !env {x: y}\n",
       "f.yaml:1:4: tag '!env' is not supported: expected a plain value, or one of YAML's core tags"},
      {"WrongCoreTag", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: !!int x}\nspec: {}\n",
       "f.yaml:3:18: 'x' is tagged as int but is none"},
      {"KeyIsAList", "[a]: b\n", "f.yaml:1:1: a key must be text, not a list or a mapping"},
      {"KeyIsMissing", ": b\n", "f.yaml:1:1: a key is missing: expected text before the ':'"},
      {"QuoteLeftOpen", "a: \"x\n", "f.yaml:2:1: not YAML: illegal document indicator in scalar"},
      {"AliasInsideItself", "a: &a [*a]\n", "f.yaml:1:8: an alias stands inside the value that it repeats"},
      {"AliasOfListAsKey", "a: &a [x]\n*a : y\n", "f.yaml:2:1: a key must be text"},
      {"AliasUnknown", "a: *b\n", "f.yaml:1:4: not YAML: the referenced anchor is not defined"},
      {"NumberTooLarge", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: 18446744073709551616}\nspec: {}\n",
       "f.yaml:3:18: '18446744073709551616' is not a finite number of 64 bits; put it in quotes if it is text"},
      {"NumberInfinite", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {displayName: -.inf}\n",
       "f.yaml:4:21: '-.inf' is not a finite number of 64 bits; put it in quotes if it is text"},
      {"SurrogateEscape", "a: \"\\ud83d\\ude00\"\n", "f.yaml:1:11: not YAML: invalid unicode: 55357"},
      {"NotUtf8", "a: b\nc: \xFF", "f.yaml:2:4: byte 0xff is not UTF-8 here"},
      {"NotUtf8Surrogate", "a: \xED\xA0\x80", "f.yaml:1:4: byte 0xed is not UTF-8 here"},
      {"NotUtf8Overlong", "a: \xC0\x80", "f.yaml:1:4: byte 0xc0 is not UTF-8 here"},
      {"ControlCharacter", "a: b\n\x04", "f.yaml:2:1: control character 0x04; expected text"},
      {"ZeroByte", std::string("a\0b", 3), "f.yaml:1:2: control character 0x00; expected text"},
      {"SeveralInTheOrderOfTheText",
       with(with(with(kNodeType, "memory: 2TiB", "memory: 2"), "cpu: 224", "cpu: none"), "idle: 2kW", "idle: 11kW"),
       "f.yaml:7:3: spec.cpu: expected a number of cores such as 64 or 0.5, found 'none'\nf.yaml:8:3: spec.memory: "
       "expected a size such as 512MiB, 2TiB or 80GB, found 2\nf.yaml:10:11: spec.power.idle: expected at most max "
       "(10.2kW), found 11kW"},
      {"ModelNoLabel", with(kNodeType, "model: h200", "model: NVIDIA H200"),
       "f.yaml:6:13: spec.devices.model: expected a name of 1-63 of a-z, 0-9 and '-' between, found 'NVIDIA H200'"},
      {"DeviceCountZero", with(kNodeType, "count: 8", "count: 0"),
       "f.yaml:6:26: spec.devices.count: expected 1 to 64, found 0"},
      {"DeviceCountMissing", with(kNodeType, "count: 8, ", ""),
       "f.yaml:6:3: spec.devices.count: 'count' is missing: devices in a node, 1 to 64"},
      {"DeviceCountLarge", with(kNodeType, "count: 8", "count: 65"),
       "f.yaml:6:26: spec.devices.count: expected 1 to 64, found 65"},
      {"DeviceMemory", with(kNodeType, "memory: 141GB", "memory: 0B"),
       "f.yaml:6:36: spec.devices.memory: expected 1B to 64TiB, found 0B"},
      {"DevicePowerOrder", with(kNodeType, "powerLimitMin: 200W", "powerLimitMin: 800W"),
       "f.yaml:6:51: spec.devices.powerLimitMin: expected at most powerLimitMax (700W), found 800W"},
      {"DevicePowerMax", with(kNodeType, "powerLimitMax: 700W", "powerLimitMax: 2MW"),
       "f.yaml:6:72: spec.devices.powerLimitMax: expected 1W to 1MW, found 2MW"},
      {"DevicePowerMin", with(kNodeType, "powerLimitMin: 200W, powerLimitMax: 700W", "powerLimitMin: 2MW"),
       "f.yaml:6:51: spec.devices.powerLimitMin: expected 0W to 1MW, found 2MW"},
      {"CpuZero", with(kNodeType, "cpu: 224", "cpu: 0"), "f.yaml:7:3: spec.cpu: expected 0.001 to 65536, found 0"},
      {"MemoryZero", with(kNodeType, "memory: 2TiB", "memory: 0B"),
       "f.yaml:8:3: spec.memory: expected 1B to 64TiB, found 0B"},
      {"DiskLarge", with(kNodeType, "disk: 30TB", "disk: 2PiB"),
       "f.yaml:9:3: spec.disk: expected 0B to 1PiB, found 2PiB"},
      {"IdleAboveMax", with(kNodeType, "idle: 2kW", "idle: 10.3kW"),
       "f.yaml:10:11: spec.power.idle: expected at most max (10.2kW), found 10.3kW"},
      {"MaxZero", with(kNodeType, "max: 10.2kW", "max: 0W"),
       "f.yaml:10:22: spec.power.max: expected 1W to 1MW, found 0W"},
      {"MaxLarge", with(kNodeType, "max: 10.2kW", "max: 2MW"),
       "f.yaml:10:22: spec.power.max: expected 1W to 1MW, found 2MW"},
      {"SuppliesZero", with(kNodeType, "count: 6", "count: 0"),
       "f.yaml:11:14: spec.supplies.count: expected 1 to 64, found 0"},
      {"SuppliesNeededAboveCount", with(kNodeType, "needed: 4", "needed: 7"),
       "f.yaml:11:24: spec.supplies.needed: expected 1 to 6, found 7"},
      {"LiquidShare", with(kNodeType, "liquidShare: 0%", "liquidShare: 101%"),
       "f.yaml:12:3: spec.liquidShare: expected 0% to 100%, found 101%"},
      {"Country", with(kSite, "country: NO", "country: Norway"),
       "f.yaml:6:3: spec.country: expected an ISO 3166-1 alpha-2 code such as GB, found 'Norway'"},
      {"CountryIsNotFalse", with(kSite, "country: NO", "country: no"),
       "f.yaml:6:3: spec.country: expected an ISO 3166-1 alpha-2 code such as GB, found 'no'"},
      {"Contracted", with(kSite, "contracted: 10MW", "contracted: 0W"),
       "f.yaml:9:5: spec.grid.contracted: expected 1W to 1000GW, found 0W"},
      {"Energised", with(kSite, "energised: 5MW", "energised: 11MW"),
       "f.yaml:11:26: spec.grid.phases[0].energised: expected at most the contracted 10MW, found 11MW"},
      {"PhasesInOrder", with(kSite, "from: 2027-01-01", "from: 2025-01-01"),
       "f.yaml:12:8: spec.grid.phases[1].from: expected a time after the phase before it (2026-01-01T00:00:00Z), found "
       "2025-01-01T00:00:00Z"},
      {"Built", with(kSite, "built: 8MW", "built: 2000GW"),
       "f.yaml:11:42: spec.grid.phases[0].built: expected 0W to 1000GW, found 2000GW"},
      {"PricePerKwh", with(kSite, "pricePerKwh: 0.04 EUR", "pricePerKwh: -0.04 EUR"),
       "f.yaml:13:5: spec.grid.pricePerKwh: expected a price from 0 to 1000000.00 EUR, found -0.04 EUR"},
      {"PriceWithoutCurrency", with(kSite, "pricePerKwh: 0.04 EUR", "pricePerKwh: \"0.00\""),
       "f.yaml:13:5: spec.grid.pricePerKwh: expected an amount and a currency such as 2.49 USD; the currency is "
       "missing"},
      {"ElementName", with(kSite, "name: \"ups-[a,b]\"", "name: \"ups-[b-a]\""),
       "f.yaml:17:8: spec.network.elements[1].name: 'ups-[b-a]' is not a range: it falls; expected e.g. r[01-16] or "
       "h[a,c-e]"},
      {"ElementRating", with(kSite, "kind: grid, rating: 10MW", "kind: grid, rating: 0W"),
       "f.yaml:16:32: spec.network.elements[0].rating: expected 1W to 1000GW, found 0W"},
      {"ElementEfficiency", with(kSite, "efficiency: 96.5%", "efficiency: 0%"),
       "f.yaml:17:51: spec.network.elements[1].efficiency: expected 0.0001% to 100%, found 0%"},
      {"ElementKindUnknown", with(kSite, "kind: ups", "kind: battery"),
       "f.yaml:17:27: spec.network.elements[1].kind: expected one of grid transformer generator ups switchboard sts "
       "busway pdu, found \"battery\""},
      {"ElementFeedShare", with(kSite, "feeds: [{from: grid}]", "feeds: [{from: grid, share: 100.1%}]"),
       "f.yaml:17:91: spec.network.elements[1].feeds[0].share: expected 0% to 100%, found 100.1%"},
      {"CoolingUnitName", with(kSite, "name: \"cdu-[1-2]\"", "name: CDU"),
       "f.yaml:19:14: spec.cooling.units[0].name: 'CDU' is no name: expected 1-63 of a-z, 0-9 and '-' between, and "
       "ranges such as [01-16]"},
      {"CoolingUnitLiquid", with(kSite, "liquid: 1MW", "liquid: 2000GW"),
       "f.yaml:19:44: spec.cooling.units[0].liquid: expected 0W to 1000GW, found 2000GW"},
      {"CoolingUnitAir", with(kSite, "air: 0W", "air: 2000GW"),
       "f.yaml:19:57: spec.cooling.units[0].air: expected 0W to 1000GW, found 2000GW"},
      {"CoolingUnitDraw", with(kSite, "draw: 12kW", "draw: 2000GW"),
       "f.yaml:19:82: spec.cooling.units[0].draw: expected 0W to 1000GW, found 2000GW"},
      {"CoolingLoopName", with(kSite, "name: main", "name: Main"),
       "f.yaml:20:14: spec.cooling.loops[0].name: 'Main' is no name: expected 1-63 of a-z, 0-9 and '-' between, and "
       "ranges such as [01-16]"},
      {"CoolingLoopEmpty", with(kSite, "units: [\"cdu-[1-2]\"]", "units: []"),
       "f.yaml:20:26: spec.cooling.loops[0].units: expected at least one cooling unit"},
      {"FabricTierName", with(kSite, "name: leaf", "name: Leaf"),
       "f.yaml:21:41: spec.fabric.tiers[0].name: expected a name of 1-63 of a-z, 0-9 and '-' between, found 'Leaf'"},
      {"FabricTierOrder",
       with(kSite, "{name: leaf, group: rack}", "{name: leaf, group: site}, {name: pod, group: row}"),
       "f.yaml:21:79: spec.fabric.tiers[1].group: expected site or wider: tiers go from the nearest to the farthest"},
      {"HallName", with(kSite, "- name: h1", "- name: H1"),
       "f.yaml:23:5: spec.halls[0].name: 'H1' is no name: expected 1-63 of a-z, 0-9 and '-' between, and ranges such "
       "as [01-16]"},
      {"RowName", with(kSite, "name: r[1-2]", "name: \"r[1-2\""),
       "f.yaml:25:7: spec.halls[0].rows[0].name: 'r[1-2' is not a range: a bracket does not close; expected e.g. "
       "r[01-16] or h[a,c-e]"},
      {"RackNameRange", with(kSite, "{row}k[01-10]", "{row}_[01-10]"),
       "f.yaml:27:9: spec.halls[0].rows[0].racks[0].name: 'r_[01-10]' is no name: expected 1-63 of a-z, 0-9 and '-' "
       "between, and ranges such as [01-16]"},
      {"RackNameKey", with(kSite, "{row}k[01-10]", "{aisle}k[01-10]"),
       "f.yaml:27:9: spec.halls[0].rows[0].racks[0].name: 'aisle' is not known here; expected one of {hall} {row}"},
      {"NodeName", with(kSite, "name: \"n[1-4]\"", "name: \"n[1-4]-\""),
       "f.yaml:28:18: spec.halls[0].rows[0].racks[0].nodes[0].name: 'n[1-4]-' is no name: expected 1-63 of a-z, 0-9 "
       "and '-' between, and ranges such as [01-16]"},
      {"NodeTypeName", with(kSite, "type: hgx", "type: HGX"),
       "f.yaml:28:34: spec.halls[0].rows[0].racks[0].nodes[0].type: expected a name of 1-63 of a-z, 0-9 and '-' "
       "between, found 'HGX'"},
      {"RackFeedShare", with(kSite, "{from: ups-a, share: 50%}", "{from: ups-a, share: 150%}"),
       "f.yaml:29:31: spec.halls[0].rows[0].racks[0].feeds[0].share: expected 0% to 100%, found 150%"},
      {"RackFeedSupplies", with(kSite, "{from: ups-a, share: 50%}", "{from: ups-a, share: 50%, supplies: 3}"),
       "f.yaml:29:9: spec.halls[0].rows[0].racks[0].feeds: expected supplies on every feed or on none; without any they are "
       "spread evenly"},
      {"ExceptionRack", with(kSite, "rack: h1/r1k01", "rack: r1k01"),
       "f.yaml:33:6: spec.exceptions[0].rack: expected hall/rack, found 'r1k01'"},
      {"ExceptionRackName", with(kSite, "rack: h1/r1k01", "rack: \"h1/r1k[01\""),
       "f.yaml:33:6: spec.exceptions[0].rack: 'r1k[01' is not a range: a bracket does not close; expected e.g. "
       "r[01-16] or h[a,c-e]"},
      {"ExceptionAbsentWithLabels", with(kSite, "absent: true", "absent: true, labels: {a: b}"),
       "f.yaml:33:22: spec.exceptions[0].absent: an absent rack can have no nodes, feeds, loops, redundancy or labels"},
      {"ExceptionNodes", with(kSite, "absent: true", "nodes: [{name: N, type: hgx}]"),
       "f.yaml:33:31: spec.exceptions[0].nodes[0].name: 'N' is no name: expected 1-63 of a-z, 0-9 and '-' between, and "
       "ranges such as [01-16]"},
      {"ExceptionFeeds", with(kSite, "absent: true", "feeds: [{from: ups-a, share: 200%}]"),
       "f.yaml:33:44: spec.exceptions[0].feeds[0].share: expected 0% to 100%, found 200%"},
      {"TenantCountry", with(kRest, "jurisdictions: [NO, SE]", "jurisdictions: [NO, EU1]"),
       "f.yaml:5:52: spec.jurisdictions[1]: expected an ISO 3166-1 alpha-2 code such as GB, found 'EU1'"},
      {"TenantCountryTwice", with(kRest, "jurisdictions: [NO, SE]", "jurisdictions: [NO, NO]"),
       "f.yaml:5:52: spec.jurisdictions[1]: 'NO' is named twice"},
      {"QuotaPending", with(kRest, "pending: 10", "pending: -1"),
       "f.yaml:10:27: spec.quota.pending: expected 0 to 1000000, found -1"},
      {"QuotaGpus", with(kRest, "gpus: 128", "gpus: 10000001"),
       "f.yaml:10:16: spec.quota.gpus: expected 0 to 10000000, found 10000001"},
      {"ContractClass", with(kContract, "class: reserved", "class: gold"),
       "f.yaml:6:3: spec.class: expected one of reserved on-demand spot, found \"gold\""},
      {"ContractModel", with(kContract, "gpuModels: [h200]", "gpuModels: [H200]"),
       "f.yaml:7:15: spec.gpuModels[0]: expected a name of 1-63 of a-z, 0-9 and '-' between, found 'H200'"},
      {"ContractSite", with(kContract, "sites: [north]", "sites: [a/b]"),
       "f.yaml:9:11: spec.sites[0]: expected a name of 1-63 of a-z, 0-9 and '-' between, found 'a/b'"},
      {"ContractCountry", with(kContract, "jurisdictions: [NO, SE]", "jurisdictions: [no]"),
       "f.yaml:10:19: spec.jurisdictions[0]: expected an ISO 3166-1 alpha-2 code such as GB, found 'no'"},
      {"ContractRampOrder", with(kContract, "from: 2026-07-01", "from: 2026-01-01"),
       "f.yaml:8:41: spec.ramp[1].from: expected a time after the step before it (2026-01-01T00:00:00Z), found "
       "2026-01-01T00:00:00Z"},
      {"ContractRampGpus", with(kContract, "gpus: 64", "gpus: -1"),
       "f.yaml:8:29: spec.ramp[0].gpus: expected 0 to 10000000, found -1"},
      {"ContractPrice", with(kContract, "2.49 USD", "-2.49 USD"),
       "f.yaml:11:3: spec.pricePerGpuHour: expected a price from 0 to 1000000.00 USD, found -2.49 USD"},
      {"ContractPriceLarge", with(kContract, "2.49 USD", "1000001 USD"),
       "f.yaml:11:3: spec.pricePerGpuHour: expected a price from 0 to 1000000.00 USD, found 1000001.00 USD"},
      {"ContractUntil", with(kContract, "until: 2031-01-01", "until: 2026-01-01"),
       "f.yaml:13:3: spec.until: expected a time after from (2026-01-01T00:00:00Z), found 2026-01-01T00:00:00Z"},
      {"JobContract", with(kJob, "contract: acme/five-years", "contract: five-years"),
       "f.yaml:6:3: spec.contract: 'five-years' is no contract name: expected scope/name, each part 1-63 of a-z, 0-9 "
       "and '-' between"},
      {"JobPriority", with(kJob, "priority: 10", "priority: 1001"),
       "f.yaml:7:3: spec.priority: expected -1000 to 1000, found 1001"},
      {"JobWithoutGroups", "apiVersion: penstock/v1\nkind: Job\nmetadata: {name: a/b/c}\nspec: {groups: []}\n",
       "f.yaml:4:8: spec.groups: expected at least one group of tasks"},
      {"JobGroupNamesTwice", with(kJob, "  groups:\n", "  groups:\n  - {name: worker, replicas: 1, gpus: 1}\n"),
       "f.yaml:10:5: spec.groups[1].name: 'worker' is also the name of groups[0]; expected another"},
      {"JobGroupName", with(kJob, "name: worker", "name: Worker"),
       "f.yaml:9:5: spec.groups[0].name: expected a name of 1-63 of a-z, 0-9 and '-' between, found 'Worker'"},
      {"JobReplicasZero", with(kJob, "replicas: 16", "replicas: 0"),
       "f.yaml:10:5: spec.groups[0].replicas: expected 1 to 65536, found 0"},
      {"JobReplicasLarge", with(kJob, "replicas: 16", "replicas: 65537"),
       "f.yaml:8:3: spec.groups: expected at most 65536 tasks in all groups together, found 65537\nf.yaml:10:5: "
       "spec.groups[0].replicas: expected 1 to 65536, found 65537"},
      {"JobTasksLarge", with(kJob, "  groups:\n", "  groups:\n  - {name: other, replicas: 65530, gpus: 1}\n"),
       "f.yaml:8:3: spec.groups: expected at most 65536 tasks in all groups together, found 65546"},
      {"JobGpusNegative", with(kJob, "gpus: 8", "gpus: -1"),
       "f.yaml:11:5: spec.groups[0].gpus: expected a number of GPUs such as 8, or a share of one such as 0.5, found '-1'"},
      {"JobWithoutGpusOrCores", with(kJob, "gpus: 8\n    cpu: 200", "gpus: 0\n    cpu: 0"),
       "f.yaml:12:5: spec.groups[0].cpu: expected 0.001 to 65536, found 0"},
      {"JobGpusBroken", with(kJob, "gpus: 8", "gpus: 1.5"),
       "f.yaml:11:5: spec.groups[0].gpus: expected a whole number from 0 to 64, or a share of one GPU such as 0.5, "
       "found 1.5"},
      {"JobGpusLarge", with(kJob, "gpus: 8", "gpus: 65"),
       "f.yaml:11:5: spec.groups[0].gpus: expected a whole number from 0 to 64, or a share of one GPU such as 0.5, "
       "found 65"},
      {"JobCpu", with(kJob, "cpu: 200", "cpu: 65537"),
       "f.yaml:12:5: spec.groups[0].cpu: expected 0 to 65536, found 65537"},
      {"JobMemory", with(kJob, "memory: 1TiB", "memory: 65TiB"),
       "f.yaml:13:5: spec.groups[0].memory: expected 0B to 64TiB, found 65TiB"},
      {"JobCommandZeroByte", with(kJob, "print('x')", "\\0"),
       "f.yaml:14:28: spec.groups[0].command[2]: expected text without zero bytes"},
      {"JobCommandEmpty", with(kJob, "command: [python3, -c,", "command: [\"\", -c,"),
       "f.yaml:14:15: spec.groups[0].command[0]: expected the name of a program, found nothing"},
      {"JobImageZeroByte", with(kJob, "cpu: 200", "image: \"a\\0\""),
       "f.yaml:12:5: spec.groups[0].image: expected text without zero bytes"},
      {"JobEnvName", with(kJob, "OMP_NUM_THREADS", "OMP-NUM"),
       "f.yaml:15:11: spec.groups[0].env.OMP-NUM: expected the name of a variable (letters, digits and '_'), found "
       "'OMP-NUM'"},
      {"JobEnvValue", with(kJob, "OMP_NUM_THREADS: \"8\"", "OMP_NUM_THREADS: \"\\0\""),
       "f.yaml:15:11: spec.groups[0].env.OMP_NUM_THREADS: expected text without zero bytes"},
      {"JobModel", with(kJob, "priority: 10", "gpuModels: [H200]"),
       "f.yaml:7:15: spec.gpuModels[0]: expected a name of 1-63 of a-z, 0-9 and '-' between, found 'H200'"},
      {"JobNodeType", with(kJob, "priority: 10", "nodeTypes: [\"a b\"]"),
       "f.yaml:7:15: spec.nodeTypes[0]: expected a name of 1-63 of a-z, 0-9 and '-' between, found 'a b'"},
      {"JobSite", with(kJob, "priority: 10", "sites: [\"\"]"),
       "f.yaml:7:11: spec.sites[0]: expected a name of 1-63 of a-z, 0-9 and '-' between, found ''"},
      {"JobCountry", with(kJob, "jurisdictions: [NO]", "jurisdictions: [N]"),
       "f.yaml:16:19: spec.jurisdictions[0]: expected an ISO 3166-1 alpha-2 code such as GB, found 'N'"},
      {"JobTimeLimitZero", with(kJob, "timeLimit: PT3H", "timeLimit: PT0S"),
       "f.yaml:17:3: spec.timeLimit: expected PT0.001S to P3650D, found PT0S"},
      {"JobTimeLimitLong", with(kJob, "timeLimit: PT3H", "timeLimit: P3651D"),
       "f.yaml:17:3: spec.timeLimit: expected PT0.001S to P3650D, found P3651D"},
      {"JobEstimateZero", with(kJob, "estimate: PT2H", "estimate: PT0S"),
       "f.yaml:18:3: spec.estimate: expected PT0.001S to P3650D, found PT0S"},
      {"JobStopGraceLong", with(kJob, "stopGrace: PT1M", "stopGrace: PT61M"),
       "f.yaml:19:3: spec.stopGrace: expected PT0S to PT1H, found PT1H1M"},
      {"JobRestarts", with(kJob, "maxRestarts: 3", "maxRestarts: 101"),
       "f.yaml:20:3: spec.maxRestarts: expected 0 to 100, found 101"},
  };
}

TEST(Document, FaultsAreToldExactly) {
  for (const Case& c : cases()) EXPECT_EQ(faults_of(c.text), c.faults) << c.name;
}

TEST(Limits, HoldWhileTheTextIsRead) {
  const auto code = [](const std::string& text, const ReadLimits& limits) {
    const auto read = read_documents({{"f", text}}, limits);
    return read.ok() ? "no fault" : std::string(code_name(read.error().code)) + " " + to_string(read.error());
  };
  EXPECT_EQ(code(std::string(101, ' '), {.bytes = 100}), "too-large f: more than 100 bytes at once");
  EXPECT_EQ(code(std::string(kRest) + "---" + std::string(kJob), {.documents = 2}),
            "too-large f:11:1: more than 2 documents at once");
  EXPECT_EQ(code("[1, 2, 3]", {.nodes = 3}), "too-large f:1:8: more than 3 values at once");
  EXPECT_EQ(code("[[[1]]]", {.depth = 2}), "too-large f:1:3: nested deeper than 2 levels");
}

TEST(Limits, DepthIsRefusedBeforeTheStackEnds) {
  for (const char* open : {"[", "{a: ", "- ", "? ", "[a: ", "[? "}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += open;
    const auto read = read_documents({{"f", text}});
    ASSERT_FALSE(read.ok());
    const std::string told = to_string(read.error());
    const bool deep = told.find("nested deeper than 32 levels") != std::string::npos;
    EXPECT_TRUE(deep || told.find("a key must be text") != std::string::npos) << told;
  }
}

TEST(Limits, AliasesCannotMultiply) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    laughs += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) laughs += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    laughs += "]\n";
  }
  EXPECT_NE(faults_of(laughs).find("more than 1000000 values at once"), std::string::npos);

  std::string flat = "a: &a [";
  for (int i = 0; i < 1000; ++i) flat += "x, ";
  flat += "]\nb: [";
  for (int i = 0; i < 2000; ++i) flat += "*a, ";
  EXPECT_NE(faults_of(flat + "]\n").find("more than 1000000 values at once"), std::string::npos);

  std::string nested;  // every anchor keeps a copy of all below it
  for (int i = 0; i < 30; ++i) nested += fmt::format("&a{} [", i);
  for (int i = 0; i < 50'000; ++i) nested += "x, ";
  EXPECT_NE(faults_of(nested + std::string(30, ']')).find("more than 1000000 values at once"), std::string::npos);

  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 1000; ++i) deep += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  EXPECT_NE(faults_of(deep).find("nested deeper than 32 levels"), std::string::npos);

  std::string wide = "a: &a " + std::string(100'000, 'x') + "\nb: [";
  for (int i = 0; i < 100; ++i) wide += "*a, ";
  EXPECT_NE(faults_of(wide + "]\n").find("aliases repeat more than 8388608 bytes of text"), std::string::npos);
}

TEST(Yaml, ResolvesPlainScalarsByTheCoreSchema) {
  const auto label = [](const std::string& scalar) {
    const auto read = read_documents(
        {{"f", "apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: a, labels: {k: " + scalar + "}}\nspec: {}\n"}});
    return read.ok()                             ? std::get<TenantSpec>(read->front().spec),
           read->front().metadata.labels.at("k") : to_string(read.error());
  };
  // Text stays text.
  for (const char* text :
       {"yes", "0b1", "1_000", "2026-01-01", "12:30", "1.2.3", "nulls", "-", "+", "0o8", "0xg", "e5"}) {
    EXPECT_EQ(label(text), text);
  }
  for (const char* text : {"null", "~", "true", "False", "12", "-7", "0o17", "0xfF", "1.5", ".5", "5.", "1e3", "007"}) {
    EXPECT_NE(label(text).find("metadata.labels.k: expected text"), std::string::npos) << label(text);
    EXPECT_EQ(label("\"" + std::string(text) + "\""), text);
    EXPECT_EQ(label("'" + std::string(text) + "'"), text);
    EXPECT_EQ(label("!!str " + std::string(text)), text);
  }
  EXPECT_NE(label("0o17").find("found 15"), std::string::npos);
  EXPECT_NE(label("0xfF").find("found 255"), std::string::npos);
  EXPECT_NE(label("18446744073709551615").find("found 18446744073709551615"), std::string::npos);
  EXPECT_NE(label("!!int \"12\"").find("found 12"), std::string::npos);
}

TEST(Yaml, AliasesRepeatValues) {
  const auto read = read_documents({{"f", R"(
apiVersion: penstock/v1
kind: Job
metadata: {name: a/b/c}
spec:
  groups:
  - &worker {name: w1, replicas: 1, gpus: &share 0.5, env: {A: &text x}}
  - {name: w2, replicas: 1, gpus: *share, env: {*text : *text}}
)"}});
  ASSERT_TRUE(read.ok()) << to_string(read.error());
  const auto& job = std::get<JobSpec>(read->front().spec);
  EXPECT_EQ(job.groups[1].gpus, MilliGpu(500));
  EXPECT_EQ(job.groups[1].env.at("x"), "x");
}

// Texts that a reader may take for something else.
// clang-format off
const std::vector<std::string> kTexts = {
    "", "a", "null", "yes", "12", "1.5", "-", "- a", "a: b", "a #b", "#", "'", "\"", "\\", "a\nb", "a\nb\n", "a\n\n",
    "\na", " a\nb", "a\n  \nb", "a\n\tb\n", "\ta\nb", "a\r\nb", "é", "{x}", "[x]", "&a", "*a", "!a", "|", ">", "%",
    "@", "`", "?", "? a", "a:", ":a", "a ", " a", "0x1f", "0o7", "1e5", ".inf", "~", "true", "---", "...", "--- a",
    "a\n--- b\n", "2026-01-01T00:00:00Z", "12:30", "\x7f", "\x01", std::string("a\0b", 3), "if a:\n  b\n\nc\n",
    "\xE2\x80\xA8", "\xEF\xBB\xBF", "=", "<<", std::string(2000, 'k'),
};
// clang-format on

json::value any_json(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    case 3:
      return *rc::gen::arbitrary<double>();
    case 4:
    case 5:
      return json::value(*rc::gen::elementOf(kTexts));
    case 6: {
      json::array array;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) array.push_back(any_json(depth - 1));
      return array;
    }
    default: {
      json::object object;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) object[*rc::gen::elementOf(kTexts)] = any_json(depth - 1);
      return object;
    }
  }
}

void must_read_back(const json::value& value) {
  const SourceText source{"f", to_yaml(value)};
  const ReadLimits limits;
  ReadBudget budget{limits.documents, limits.nodes, limits.bytes};
  Problems problems;
  const auto read = read_yaml(source, limits, budget, problems);
  ASSERT_TRUE(problems.empty()) << to_string(problems.take()) << "\n" << source.text;
  ASSERT_EQ(read.size(), 1u);
  ASSERT_EQ(read[0].value, value) << source.text;
}

TEST(Yaml, EveryTextReadsBackTheSame) {
  for (const std::string& text : kTexts) {
    must_read_back(json::value(text));
    must_read_back(json::object{{"a", text}, {"b", 1}});
    must_read_back(json::object{{text, json::array{text, json::array{text}}}, {"z", json::object{{text, text}}}});
    must_read_back(json::array{json::value(text), json::object{{text, nullptr}, {"z", 1}}});
  }
}

TEST(Yaml, EveryValueReadsBackTheSame) {
  EXPECT_TRUE(rc::check([] {
    const json::value value = any_json(4);
    RC_PRE(!value.is_null());
    must_read_back(value);
    RC_ASSERT(!::testing::Test::HasFatalFailure());
  }));
}

TEST(Yaml, WritesForPeople) {
  const auto value = parse_json(R"({"a":{"b":[{"c":1,"d":"x y"},{"e":[]}],"f":{}},"g":["no","line\nline\n"],"h":1.0})");
  EXPECT_EQ(to_yaml(*value), R"(a:
  b:
  - c: 1
    d: x y
  - e: []
  f: {}
g:
- "no"
- |
  line
  line
h: 1.0
)");
}

TEST(Schema, MentionsEveryKindAndEveryField) {
  const json::object schema = document_schema();
  const json::array& kinds = schema.at("oneOf").as_array();
  ASSERT_EQ(kinds.size(), enum_names(Kind{}).size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::string name(enum_names(Kind{})[i].name);
    EXPECT_EQ(kinds[i].at_pointer("/properties/kind/const").as_string(), name);
    const std::string spec(kinds[i].at_pointer("/properties/spec/$ref").as_string());
    EXPECT_EQ(spec, "#/$defs/" + name + "Spec");
    EXPECT_TRUE(schema.at("$defs").as_object().contains(name + "Spec"));
  }
  EXPECT_EQ(schema.at("$defs").at_pointer("/Rack/required/0").as_string(), "name");
}

}  // namespace
}  // namespace penstock

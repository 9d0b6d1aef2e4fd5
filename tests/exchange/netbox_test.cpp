// Imports from NetBox: everything read is mapped or told, and what is mapped can be applied.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "exchange/netbox/country.h"
#include "exchange/netbox/import.h"
#include "exchange/netbox/labels.h"
#include "exchange/netbox/source.h"
#include "support/tiny_server.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

const std::string kHere = std::string(PENSTOCK_SOURCE_DIR) + "/tests/exchange";

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

NetboxImport imported(const NetboxData& data, const NetboxOptions& options = {}) {
  auto made = import_netbox(data, options);
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : to_string(made.error()));
  return made.ok() ? std::move(*made) : NetboxImport{};
}

NetboxData directory(const std::string& name) {
  auto data = read_netbox_directory(kHere + "/" + name);
  EXPECT_TRUE(data.ok()) << (data.ok() ? "" : to_string(data.error()));
  return data.ok() ? std::move(*data) : NetboxData{};
}

NetboxOptions plant_options() {
  NetboxOptions options;
  const auto documents = read_documents({{"types", read_file(kHere + "/expected/plant-types.yaml")}});
  options.types["xe9712"] = std::get<NodeTypeSpec>(documents->front().spec);
  return options;
}

// Why the object is not mapped, what was assumed of it, or nothing.
std::string note_of(const std::vector<ImportNote>& notes, std::string_view kind, std::int64_t id) {
  std::string all;
  for (const ImportNote& note : notes) {
    if (note.kind == kind && note.id == id) all += (all.empty() ? "" : "\n") + note.why;
  }
  return all;
}

const SiteSpec& site_in(const NetboxImport& made) {
  for (const Document& document : made.documents) {
    if (const auto* site = std::get_if<SiteSpec>(&document.spec)) return *site;
  }
  ADD_FAILURE() << "no site";
  static const SiteSpec none;
  return none;
}

const ElementSpec& element(const SiteSpec& site, std::string_view name) {
  for (const ElementSpec& element : site.network->elements) {
    if (element.name == name) return element;
  }
  ADD_FAILURE() << "no element " << name;
  static const ElementSpec none;
  return none;
}

std::string feeds_of(const ElementSpec& element) {
  return to_json(element.feeds);
}

void expect_file(const std::string& name, const std::string& text) {
  const std::string path = kHere + "/expected/" + name;
  if (std::getenv("PENSTOCK_UPDATE_EXPECTED") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(text, read_file(path)) << path;
}

TEST(Netbox, MakesDocumentsOfASite) {
  const NetboxImport made = imported(directory("netbox"));
  expect_file("netbox.yaml", documents_yaml(made.documents));
}

TEST(Netbox, MakesDocumentsOfAPlant) {
  const NetboxImport made = imported(directory("plant"), plant_options());
  expect_file("plant.yaml", documents_yaml(made.documents));
}

TEST(Netbox, GivesEveryObjectOneVerdict) {
  for (const std::string name : {"netbox", "plant"}) {
    const NetboxData data = directory(name);
    const NetboxImport made = imported(data, plant_options());
    std::map<std::string, std::int64_t> told;
    for (const ImportNote& note : made.report.not_mapped) {
      ++told[note.kind];
      EXPECT_FALSE(note.why.empty()) << note.kind << " " << note.id;
    }
    std::set<std::string> kinds;
    for (const ImportCount& count : made.report.counts) {
      kinds.insert(count.kind);
      EXPECT_EQ(count.read, count.mapped + count.not_mapped + count.left_out) << count.kind;
      EXPECT_EQ(count.not_mapped, told[count.kind]) << count.kind;
      if (count.kind != "file") {
        EXPECT_EQ(count.read, static_cast<std::int64_t>(data.of(count.kind).size())) << count.kind;
      }
    }
    for (const auto& [kind, objects] : data.endpoints) EXPECT_TRUE(kinds.contains(kind)) << kind;
  }
}

TEST(Netbox, TellsWhatIsNotMapped) {
  const ImportReport report = imported(directory("netbox")).report;
  const auto why = [&](std::string_view kind, std::int64_t id) { return note_of(report.not_mapped, kind, id); };
  EXPECT_EQ(
      why("dcim/sites", 2),
      "its country is not known: give it the custom field country (e.g. GB), a region of that name, or use --country");
  EXPECT_EQ(why("dcim/racks", 26), "its site is not mapped");
  EXPECT_EQ(why("dcim/racks", 25), "it is deprecated");
  EXPECT_EQ(why("dcim/locations", 12), "no rack stands in it");
  EXPECT_EQ(why("dcim/devices", 70), "its type 'qm9700' is no NodeType; it draws up to 1.4kW, which no limit knows of");
  EXPECT_EQ(why("dcim/devices", 71), "it is in status planned");
  EXPECT_EQ(why("dcim/devices", 72), "it stands in no rack");
  EXPECT_EQ(why("dcim/devices", 73), "its type 'gb200' is no NodeType");
  EXPECT_EQ(why("dcim/devices", 74), "its rack is not mapped");
  EXPECT_EQ(why("dcim/device-types", 33), "its devices pass power on and are no nodes");
  EXPECT_EQ(why("dcim/device-types", 34),
            "NetBox does not say what it offers: give it the custom fields gpu_model, gpu_count, cpu_cores, memory_gb, "
            "or a NodeType "
            "'gb200' with --types");
  EXPECT_EQ(why("dcim/power-feeds", 104),
            "it is planned and NetBox has no date for it; add it with `from` when one is known");
  EXPECT_EQ(why("dcim/power-ports", 215), "no cable leads to it");
  EXPECT_EQ(why("dcim/power-ports", 290), "its device is no node, and no node hangs on it");
  EXPECT_EQ(why("dcim/power-outlets", 315), "no node hangs on it");
  EXPECT_EQ(why("dcim/cables", 490), "it brings no power to a node");
  EXPECT_EQ(why("file", 1), "an import reads no such endpoint");
}

TEST(Netbox, TellsWhatIsAssumed) {
  const ImportReport report = imported(directory("netbox")).report;
  const auto what = [&](std::string_view kind, std::int64_t id) { return note_of(report.assumed, kind, id); };
  EXPECT_EQ(
      what("dcim/device-types", 30),
      "idle draw 2.55kW, 25% of the maximum (--idle-share)\n2 of 2 supplies carry full power (--supplies-needed)");
  EXPECT_EQ(what("dcim/device-types", 31), "its devices draw 3kW to 3.2kW at most; all are taken for the most");
  EXPECT_EQ(what("dcim/power-panels", 91), "a rating of 87.294kW, all that hangs on it, as NetBox has none");
  EXPECT_EQ(what("dcim/power-feeds", 102),
            "taken as in service, though NetBox says it is failed; apply a Restriction if it is out\na power factor of "
            "100%; NetBox has none");
  EXPECT_EQ(what("dcim/racks", 24), "supplies spread evenly over its feeds, as its nodes differ in theirs");
  EXPECT_EQ(what("dcim/sites", 1),
            "2 element(s) that nothing feeds in NetBox hang on a grid element 'grid', which is never too small");
}

TEST(Netbox, TakesTheOptions) {
  NetboxOptions options;
  options.country = "GB";
  options.idle_share = Ppm{100'000};
  options.supplies_needed = SuppliesNeeded::kHalf;
  const NetboxImport made = imported(directory("netbox"), options);
  const auto& type = std::get<NodeTypeSpec>(made.documents.front().spec);
  EXPECT_EQ(type.power.idle, Watts{1020});
  EXPECT_EQ(type.supplies->needed, 1);
  EXPECT_EQ(note_of(made.report.not_mapped, "dcim/sites", 2), "");

  options.sites = {"Loughton North"};
  const NetboxImport one = imported(directory("netbox"), options);
  std::map<std::string, std::string> counts;
  for (const ImportCount& count : one.report.counts) counts[count.kind] = to_json(count);
  EXPECT_EQ(counts["dcim/sites"], R"({"kind":"dcim/sites","read":2,"mapped":1,"notMapped":0,"leftOut":1})");
  EXPECT_EQ(counts["dcim/racks"], R"({"kind":"dcim/racks","read":6,"mapped":4,"notMapped":1,"leftOut":1})");
  options.sites = {"nowhere"};
  const auto none = import_netbox(directory("netbox"), options);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message, "NetBox has no site 'nowhere'; it has: loughton-north, lab");
}

TEST(Netbox, ReadsTheGraphOfThePlant) {
  const NetboxImport made = imported(directory("plant"), plant_options());
  const SiteSpec& site = site_in(made);
  EXPECT_EQ(feeds_of(element(site, "mv-board")), R"([{"from":"utility"},{"from":"gen-1","share":"0%"}])");
  EXPECT_EQ(element(site, "mv-board").rating, Watts{2'500'000});
  EXPECT_EQ(element(site, "tx-1").continuous, Ppm{800'000});
  EXPECT_EQ(element(site, "tx-1").reserve, Ppm{50'000});
  EXPECT_EQ(element(site, "ups-a").continuous, Ppm{900'000});
  EXPECT_EQ(feeds_of(element(site, "ups-a")), R"([{"from":"tx-1-to-ups-a"}])");
  EXPECT_EQ(feeds_of(element(site, "tx-1-to-ups-a")), R"([{"from":"tx-1"}])");
  EXPECT_EQ(element(site, "tx-1-to-ups-a").current, MilliAmps{1'600'000});
  EXPECT_EQ(element(site, "ups-b").rating, Watts{1'000'000});
  EXPECT_EQ(feeds_of(element(site, "sts-1")),
            R"([{"from":"ups-a"},{"from":"ups-b","share":"0%"},{"from":"tx-1","share":"0%"}])");
  EXPECT_EQ(element(site, "busway-a").current, MilliAmps{800'000});
  EXPECT_EQ(to_json(site.halls[0].rows[0].racks[0].feeds),
            R"([{"from":"busway-a","supplies":1},{"from":"busway-b","supplies":1}])");

  const auto why = [&](std::string_view endpoint, std::int64_t id) {
    return note_of(made.report.not_mapped, fmt::format("plugins/power-plant/{}", endpoint), id);
  };
  EXPECT_EQ(why("electrical-nodes", 10), "a battery_system stores energy, which has no counterpart");
  EXPECT_EQ(why("electrical-nodes", 11),
            "it is planned and NetBox has no date for it; add it with `from` when one is known");
  EXPECT_EQ(why("electrical-nodes", 12), "it has no rating, and nothing hangs on it from which one could be guessed");
  EXPECT_EQ(why("electrical-segments", 11),
            "a tie is open in normal operation; name it as a feed with share: 0% if it takes over by itself");
  EXPECT_EQ(why("electrical-segments", 12), "it closes a circle in the network");
  EXPECT_EQ(why("electrical-segments", 13), "what stands at its upper end is not mapped");
  EXPECT_EQ(note_of(made.report.assumed, "plugins/power-plant/electrical-segments", 5),
            "no limit of its own, as it has amperes but no voltage");
  EXPECT_EQ(note_of(made.report.assumed, "plugins/power-plant/electrical-nodes", 7),
            "it takes 'ups-a' in normal operation");
  EXPECT_EQ(why("redundancy-groups", 1), "it is a claim; say it as `redundancy` of the racks, and it is checked");
}

// --- where it is read from ---------------------------------------------------------------------------------------

// A NetBox of the fixtures, two objects a page. `next` says how it names the next page, given its path.
class Netbox {
 public:
  explicit Netbox(std::function<std::string(const std::string& server, const std::string& path)> next)
      : server_([this, next = std::move(next)](const std::string& request) { return answer(request, next); }) {}

  TinyServer& server() { return server_; }

 private:
  std::string answer(const std::string& request,
                     const std::function<std::string(const std::string&, const std::string&)>& next) {
    const std::string path = request.substr(4, request.find(' ', 4) - 4);
    const std::string endpoint = path.substr(5, path.find("/?") - 5);
    const std::size_t at = path.find("offset=");
    const std::size_t offset = at == std::string::npos ? 0 : std::stoul(path.substr(at + 7));
    const std::string file = kHere + "/netbox/" + endpoint + ".json";
    if (!fs::exists(file))
      return endpoint.starts_with("plugins/") ? http_reply(404, "{}")
                                              : http_reply(200, R"({"count":0,"next":null,"results":[]})");
    json::value all = json::parse(read_file(file));
    const json::array& objects = all.is_array() ? all.as_array() : all.at("results").as_array();
    json::array page;
    for (std::size_t i = offset; i < std::min(offset + 2, objects.size()); ++i) page.push_back(objects[i]);
    json::object body{{"count", objects.size()}, {"next", nullptr}, {"previous", nullptr}, {"results", page}};
    if (offset + 2 < objects.size())
      body["next"] = next(server_.url(), fmt::format("/api/{}/?limit=2&offset={}", endpoint, offset + 2));
    return http_reply(200, json::serialize(body));
  }

  TinyServer server_;
};

TEST(Source, TheApiGivesWhatTheDirectoryGives) {
  Netbox netbox([](const std::string& server, const std::string& path) { return server + path; });
  const auto data = read_netbox_api(netbox.server().url() + "/", "0123abcd", "");
  ASSERT_TRUE(data.ok()) << to_string(data.error());
  NetboxData files = directory("netbox");
  files.unread.clear();
  EXPECT_EQ(documents_yaml(imported(*data).documents), documents_yaml(imported(files).documents));
  EXPECT_EQ(to_json(imported(*data).report.not_mapped), to_json(imported(files).report.not_mapped));
  for (const std::string& request : netbox.server().requests()) {
    EXPECT_NE(request.find("authorization: Token 0123abcd\r\n"), std::string::npos) << request;
  }
}

TEST(Source, APageMayHideTheScheme) {
  Netbox netbox([](const std::string& server, const std::string& path) { return "https" + server.substr(4) + path; });
  EXPECT_TRUE(read_netbox_api(netbox.server().url() + "/api", "", "").ok());
}

TEST(Source, PagesAreFollowedOnTheSameHostOnly) {
  TinyServer other([](const std::string&) { return http_reply(200, R"({"count":0,"next":null,"results":[]})"); });
  Netbox netbox([&other](const std::string&, const std::string& path) { return other.url() + path; });
  const auto data = read_netbox_api(netbox.server().url(), "nbt_secret.x", "");
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.error().message,
            fmt::format("the next page stands on another host ({}); pages are followed on {} only",
                        other.url().substr(7), netbox.server().url().substr(7)));
  EXPECT_EQ(other.connections(), 0);
  EXPECT_NE(netbox.server().requests().front().find("authorization: Bearer nbt_secret.x\r\n"), std::string::npos);
}

TEST(Source, FaultsAreTold) {
  TinyServer forbidding([](const std::string&) { return http_reply(403, R"({"detail":"Invalid token"})"); });
  const auto refused = read_netbox_api(forbidding.url(), "x", "");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            R"(dcim/regions: the server answered with HTTP status 403: {"detail":"Invalid token"})");
  EXPECT_EQ(read_netbox_api("netbox.example", "", "").error().message,
            "expected the address of a NetBox such as https://netbox.example, found 'netbox.example'");
  EXPECT_EQ(
      read_netbox_directory(kHere + "/expected").error().message,
      fmt::format("there is no {}/expected/dcim/sites.json: expected files named like the API's endpoints", kHere));

  const std::string place = testing::TempDir() + "netbox-faults";
  fs::create_directories(place + "/dcim");
  const auto with_sites = [&](const std::string& text) {
    std::ofstream(place + "/dcim/sites.json") << text;
    const auto data = read_netbox_directory(place);
    return data.ok() ? std::string("no fault") : to_string(data.error());
  };
  const std::string path = place + "/dcim/sites.json";
  EXPECT_EQ(with_sites("[]"), "no fault");
  EXPECT_EQ(with_sites("{\"results\": []}"), "no fault");
  EXPECT_EQ(with_sites("{\"detail\": \"x\"}"),
            path + ": expected a list of objects, or a page with results, found a mapping");
  EXPECT_EQ(with_sites("[3]"), path + ": expected an object with an id, found 3");
  EXPECT_EQ(with_sites("[{\"id\": 1}, {\"id\": 1}]"), path + ": the id 1 is given twice");
  EXPECT_TRUE(with_sites("[").starts_with(path + ":"));
  EXPECT_EQ(
      with_sites("{\"results\": [], \"next\": \"https://netbox.example/api/dcim/sites/?offset=50\"}"),
      path +
          " is one page of several; save all of it, with limit=0 if your NetBox allows, or as one list of all results");
  fs::remove_all(place);
}

// --- names and fields --------------------------------------------------------------------------------------------

TEST(Labels, AreMadeOnce) {
  Labels labels;
  EXPECT_EQ(labels.make("PP A", 1).label, "pp-a");
  const Labels::Made again = labels.make("pp_a", 2);
  EXPECT_EQ(again.label, "pp-a-2");
  EXPECT_EQ(again.instead_of, "pp-a");
  EXPECT_EQ(labels.make("pp-a-2", 2).label, "pp-a-2-2");
  EXPECT_EQ(labels.make("pp-a-2", 2).label, "pp-a-2-2-2");
  EXPECT_EQ(labels.make("--", 7).label, "x7");
  EXPECT_EQ(labels.make(std::string(80, 'a'), 8).label, std::string(63, 'a'));
  EXPECT_EQ(labels.make(std::string(80, 'a'), 8).label, std::string(61, 'a') + "-8");
  EXPECT_EQ(label_of("Größe 1.2/A"), "gr-e-1-2-a");
}

TEST(Countries, AreFoundInWhatPeopleWrite) {
  EXPECT_EQ(country_of("GB"), "GB");
  EXPECT_EQ(country_of("gb"), "");
  EXPECT_EQ(country_of("XX"), "");
  EXPECT_EQ(country_of("united-kingdom"), "GB");
  EXPECT_EQ(country_of(" Norway. "), "NO");
  EXPECT_EQ(country_in_address("1 Way\nNarvik\nNorway"), "NO");
  EXPECT_EQ(country_in_address("1 Way, Loughton, UK"), "GB");
  EXPECT_EQ(country_in_address("1 Way, San Jose, CA"), "");
  EXPECT_EQ(country_in_address("1 Way\nReykjavik\nIS"), "IS");
  EXPECT_EQ(country_in_address(""), "");
}

TEST(Fields, AreReadInTheShapesThatNetboxGives) {
  const json::object object =
      json::parse(
          R"({"site": {"id": 4}, "rack": 5, "none": null, "status": {"value": "active", "label": "Active"}, "kind": "ups",
      "u_height": 2.0, "kw": "12.50", "custom_fields": {"size": 3, "country": {"value": "NO", "label": "Norway"}}})")
          .as_object();
  EXPECT_EQ(reference_of(object, "site"), 4);
  EXPECT_EQ(reference_of(object, "rack"), 5);
  EXPECT_EQ(reference_of(object, "none"), 0);
  EXPECT_EQ(choice_of(object, "status"), "active");
  EXPECT_EQ(choice_of(object, "kind"), "ups");
  EXPECT_EQ(text_of(object, "u_height"), "2");
  EXPECT_EQ(custom_of(object, "size"), "3");
  EXPECT_EQ(custom_of(object, "country"), "NO");
  EXPECT_EQ(decimal_of("12.50", 3), 12'500);
  EXPECT_EQ(decimal_of("-48", 0), -48);
  EXPECT_EQ(decimal_of("0.12345", 3), 123);
  EXPECT_EQ(decimal_of("1e3", 0), std::nullopt);
  EXPECT_EQ(decimal_of("", 0), std::nullopt);
  EXPECT_EQ(decimal_of(".", 0), std::nullopt);
  EXPECT_EQ(decimal_of("99999999999999999999", 0), std::nullopt);
}

}  // namespace
}  // namespace penstock

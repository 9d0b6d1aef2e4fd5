// import, export: what other programs know of an estate, and what they want to know of ours.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "cli/cli.h"
#include "cli/pages.h"
#include "exchange/fabric.h"
#include "exchange/netbox/import.h"
#include "exchange/netbox/source.h"
#include "server/api/bodies.h"

namespace penstock {
namespace {

Status write_file(const std::string& path, const std::string& text) {
  if (path.empty() || path == "-") {
    fmt::print("{}", text);
    return ok_status();
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file.fail()) return make_error(Code::kUnavailable, fmt::format("cannot write {}", path));
  return ok_status();
}

struct ImportFlags {
  std::string directory, url, token_name = "NETBOX_TOKEN", out, report, country, idle_share = "25%", supplies = "all";
  std::vector<std::string> sites, types;
};

// At most this many lines of each list are shown; the report has all.
constexpr std::size_t kShown = 40;

void print_notes(std::string_view head, const std::vector<ImportNote>& notes) {
  if (notes.empty()) return;
  fmt::print(stderr, "\n{}\n", head);
  for (std::size_t i = 0; i < std::min(notes.size(), kShown); ++i) {
    const ImportNote& note = notes[i];
    const std::string name = note.name.empty() ? std::string() : fmt::format(" '{}'", note.name);
    fmt::print(stderr, "  {} {}{}: {}\n", note.kind, note.id, name, note.why);
  }
  if (notes.size() > kShown) fmt::print(stderr, "  … and {} more; --report FILE has all\n", notes.size() - kShown);
}

void print_report(const ImportReport& report) {
  Table table({"OBJECTS", "READ", "MAPPED", "NOT MAPPED", "LEFT OUT"});
  for (const ImportCount& count : report.counts) {
    table.row(
        {count.kind, grouped(count.read), grouped(count.mapped), grouped(count.not_mapped), grouped(count.left_out)});
  }
  fmt::print(stderr, "{}", table.text());
  print_notes("Not mapped", report.not_mapped);
  print_notes("Assumed", report.assumed);
  print_notes("Renamed", report.renamed);
}

Result<NetboxOptions> options_of(const ImportFlags& flags) {
  NetboxOptions options;
  options.sites = flags.sites;
  options.country = flags.country;
  PENSTOCK_TRY(idle, Text<Ppm>::parse(flags.idle_share));
  if (idle > Ppm{1'000'000})
    return make_error(Code::kInvalid, fmt::format("expected at most 100%, found {}", flags.idle_share), "--idle-share");
  options.idle_share = idle;
  options.supplies_needed = *enum_from_name<SuppliesNeeded>(flags.supplies);
  if (flags.types.empty()) return options;
  PENSTOCK_TRY(sources, read_sources(flags.types));
  PENSTOCK_TRY(documents, read_documents(sources));
  for (const Document& document : documents) {
    if (const auto* type = std::get_if<NodeTypeSpec>(&document.spec)) options.types[document.metadata.name] = *type;
  }
  return options;
}

Status import_from_netbox(const GlobalFlags& global, const ImportFlags& flags) {
  PENSTOCK_TRY(options, options_of(flags));
  const char* token = std::getenv(flags.token_name.c_str());
  PENSTOCK_TRY(data, flags.url.empty() ? read_netbox_directory(flags.directory)
                                       : read_netbox_api(flags.url, token == nullptr ? "" : token, global.ca_file));
  PENSTOCK_TRY(made, import_netbox(data, options));
  print_report(made.report);
  if (!flags.report.empty()) PENSTOCK_RETURN_IF_ERROR(write_file(flags.report, to_json(made.report) + "\n"));
  if (made.documents.empty()) return make_error(Code::kFailedPrecondition, "nothing could be mapped; see above");
  return write_file(flags.out, documents_yaml(made.documents));
}

struct ExportFlags {
  std::vector<std::string> files;
  std::string site, host_rule = std::string(kHostRule), slurm = "yaml", plugin = "tree";
};

struct Specs {
  std::map<std::string, NodeTypeSpec> types;
  std::map<std::string, SiteSpec> sites;
};

// All objects of a kind that the server has.
template <class Spec>
Status fetch(ApiClient& client, const std::string& plural, std::map<std::string, Spec>& specs) {
  PENSTOCK_TRY(objects, all_pages<ObjectPage>(client, "/v1/" + plural));
  for (const ObjectView& object : objects) {
    Problems problems;
    read_json(object.spec, specs[object.metadata.name], problems);
    if (!problems.empty()) return problems.take();
  }
  return ok_status();
}

Result<Specs> specs_of(const GlobalFlags& global, const std::vector<std::string>& files) {
  Specs specs;
  if (files.empty()) {
    PENSTOCK_TRY(client, connect(global));
    PENSTOCK_RETURN_IF_ERROR(fetch(client, "nodetypes", specs.types));
    PENSTOCK_RETURN_IF_ERROR(fetch(client, "sites", specs.sites));
    return specs;
  }
  PENSTOCK_TRY(sources, read_sources(files));
  PENSTOCK_TRY(documents, read_documents(sources));
  for (Document& document : documents) {
    if (auto* type = std::get_if<NodeTypeSpec>(&document.spec)) specs.types[document.metadata.name] = std::move(*type);
    if (auto* site = std::get_if<SiteSpec>(&document.spec)) specs.sites[document.metadata.name] = std::move(*site);
  }
  return specs;
}

Result<FabricMap> fabric_of(const GlobalFlags& global, const ExportFlags& flags) {
  PENSTOCK_TRY(specs, specs_of(global, flags.files));
  std::string names;
  for (const auto& [name, site] : specs.sites) names += (names.empty() ? "" : ", ") + name;
  if (flags.site.empty() && specs.sites.size() != 1) {
    return make_error(Code::kInvalid, specs.sites.empty()
                                          ? "there is no site"
                                          : fmt::format("there are several sites; name one with --site: {}", names));
  }
  const auto site = flags.site.empty() ? specs.sites.begin() : specs.sites.find(flags.site);
  if (site == specs.sites.end())
    return make_error(Code::kNotFound,
                      fmt::format("there is no site '{}'; there is: {}", flags.site, names.empty() ? "none" : names));
  if (!site->second.fabric)
    return make_error(Code::kFailedPrecondition,
                      fmt::format("site '{}' does not tell its fabric; give it spec.fabric", site->first));
  PENSTOCK_TRY(estate, Estate::compile(specs.types, {*site}, Claims::kTaken));
  return map_fabric(estate, 0, *site->second.fabric, flags.host_rule);
}

Status export_slurm(const GlobalFlags& global, const ExportFlags& flags) {
  PENSTOCK_TRY(map, fabric_of(global, flags));
  if (flags.slurm == "yaml") {
    fmt::print("{}", slurm_topology_yaml(map));
    return ok_status();
  }
  PENSTOCK_TRY(text, slurm_topology_conf(map, *enum_from_name<SlurmPlugin>(flags.plugin)));
  fmt::print("{}", text);
  return ok_status();
}

Status export_labels(const GlobalFlags& global, const ExportFlags& flags, Format format) {
  PENSTOCK_TRY(map, fabric_of(global, flags));
  print_json(to_json(node_labels(map)), format == Format::kJson ? Format::kJson : Format::kYaml);
  return ok_status();
}

void add_export_options(CLI::App& verb, ExportFlags& flags) {
  verb.add_option("-f,--file", flags.files, "file or directory of documents; may repeat. None: what the server has");
  verb.add_option("--site", flags.site, "the site, where there are several");
  verb.add_option("--host-name", flags.host_rule, "host name of a node, made of {site} {hall} {rack} {node}")
      ->capture_default_str();
}

}  // namespace

void add_exchange_verbs(CLI::App& app, Cli& cli) {
  const auto settle = [&cli](const Status& status) { cli.exit_code = status.ok() ? 0 : fail(status.error()); };

  auto* imports = app.add_subcommand("import", "Documents out of what other programs know of an estate");
  imports->require_subcommand(1);
  auto in = std::make_shared<ImportFlags>();
  auto* netbox = imports->add_subcommand(
      "netbox", "NodeTypes and Sites out of NetBox; what cannot be mapped is listed on standard error");
  auto* directory =
      netbox->add_option("--dir", in->directory, "directory of API answers: dcim/sites.json, dcim/racks.json, …");
  auto* url =
      netbox->add_option("--url", in->url, "address of the NetBox, e.g. https://netbox.example")->excludes(directory);
  netbox->add_option("--token-env", in->token_name, "environment variable that holds its token")
      ->capture_default_str()
      ->needs(url);
  netbox->add_option("--site", in->sites, "only this site, by name or slug; may repeat");
  netbox->add_option("--country", in->country, "country of sites of which NetBox tells none, e.g. GB");
  netbox->add_option("--types", in->types,
                     "file of NodeTypes to take as they are for device types of their name; may repeat");
  netbox->add_option("--idle-share", in->idle_share, "idle draw as a part of the maximum, where NetBox does not say")
      ->capture_default_str();
  netbox
      ->add_option("--supplies-needed", in->supplies,
                   "all or half: supplies that carry full power, where NetBox does not say")
      ->capture_default_str()
      ->check(CLI::IsMember({"all", "half"}));
  netbox->add_option("-f,--out", in->out, "file to write; standard output if absent");
  netbox->add_option("--report", in->report, "file for the whole account, as JSON");
  netbox->callback([&cli, in, settle, directory, url] {
    if (directory->empty() && url->empty()) throw CLI::RequiredError("--dir or --url");
    settle(import_from_netbox(cli.flags, *in));
  });

  auto* exports = app.add_subcommand("export", "What other programs want to know of a site");
  exports->require_subcommand(1);
  auto out = std::make_shared<ExportFlags>();
  auto* slurm =
      exports->add_subcommand("slurm-topology", "Slurm's topology.yaml or topology.conf, out of the site's fabric");
  slurm->add_option("--format", out->slurm, "yaml or conf")
      ->capture_default_str()
      ->check(CLI::IsMember({"yaml", "conf"}));
  slurm->add_option("--plugin", out->plugin, "with conf: tree or block")
      ->capture_default_str()
      ->check(CLI::IsMember({"tree", "block"}));
  add_export_options(*slurm, *out);
  slurm->callback([&cli, out, settle] { settle(export_slurm(cli.flags, *out)); });
  auto* labels = exports->add_subcommand(
      "node-labels", "Where each node is in the fabric, as labels of topograph; YAML, or JSON with -o json");
  add_export_options(*labels, *out);
  labels->callback([&cli, out, settle] { settle(export_labels(cli.flags, *out, cli.output())); });
}

}  // namespace penstock

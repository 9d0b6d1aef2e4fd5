// The service: resources as the schemas have them, a power state that takes its time, sessions, ETags, subscriptions.
#include "redfish/service.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace penstock {
namespace {

std::string reply(int status, std::string_view body, std::string_view more = "") {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Type: application/json\r\nOData-Version: 4.0\r\n{}Content-Length: {}\r\n\r\n{}", status, more,
                     body.size(), body);
}

std::string error(int status, std::string_view id, std::string_view message, std::string_view more = "") {
  const json::object body{
      {"error",
       json::object{{"code", fmt::format("Base.1.18.{}", id)},
                    {"message", "See @Message.ExtendedInfo."},
                    {"@Message.ExtendedInfo", json::array{json::object{{"@odata.type", "#Message.v1_1_2.Message"},
                                                                       {"MessageId", fmt::format("Base.1.18.{}", id)},
                                                                       {"Message", message},
                                                                       {"MessageSeverity", "Warning"},
                                                                       {"Resolution", "None."}}}}}}};
  return reply(status, json::serialize(body), more);
}

json::object link(std::string_view path) { return {{"@odata.id", path}}; }

json::array links(const std::vector<std::string>& paths) {
  json::array out;
  for (const std::string& path : paths) out.push_back(link(path));
  return out;
}

json::object part_location(std::string_view label) {
  return {{"PartLocation", json::object{{"ServiceLabel", label}, {"LocationType", "Slot"}}}};
}

json::object limit_control(int set_point, int low, int high, std::string_view mode = "Automatic") {
  return {{"SetPoint", set_point}, {"AllowableMin", low}, {"AllowableMax", high}, {"ControlMode", mode}};
}

}  // namespace

std::string Service::Request::header(std::string_view name) const {
  const std::size_t at = text.find(fmt::format("\r\n{}: ", name));
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 4;
  return text.substr(from, text.find("\r\n", from) - from);
}

// A connection, plain or over TLS.
struct Service::Channel {
  int fd;
  SSL* tls = nullptr;

  Channel(int socket, SSL_CTX* context) : fd(socket) {
    if (context == nullptr) return;
    tls = SSL_new(context);
    SSL_set_fd(tls, fd);
  }
  ~Channel() {
    if (tls != nullptr) SSL_free(tls);
    close(fd);
  }
  bool begin() {
    errno = 0;
    return tls == nullptr || SSL_accept(tls) == 1;
  }
  int read(char* to, int size) { return tls != nullptr ? SSL_read(tls, to, size) : static_cast<int>(recv(fd, to, static_cast<std::size_t>(size), 0)); }
  bool write(std::string_view text) {
    while (!text.empty()) {
      const int n = tls != nullptr ? SSL_write(tls, text.data(), static_cast<int>(text.size()))
                                   : static_cast<int>(send(fd, text.data(), text.size(), MSG_NOSIGNAL));
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
};

Service::Service(Flavour flavour, Wire wire) : flavour_(flavour) {
  PENSTOCK_CHECK(sodium_init() >= 0);
  std::signal(SIGPIPE, SIG_IGN);  // a client that hangs up ends its connection only
  flavour == Flavour::kModern ? make_modern() : make_older();
  if (wire == Wire::kTls) make_certificate();
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  PENSTOCK_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  PENSTOCK_CHECK(listen(listener_, 64) == 0);
  socklen_t size = sizeof address;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

Service::~Service() {
  stop_ = true;
  thread_.join();
  close(listener_);
  if (tls_ != nullptr) SSL_CTX_free(tls_);
}

std::string Service::url() const { return fmt::format("{}://127.0.0.1:{}", tls_ != nullptr ? "https" : "http", port_); }

void Service::set(const std::function<void(Faults&)>& change) {
  const std::lock_guard lock(mutex_);
  change(faults_);
}
void Service::edit(const std::function<void(std::map<std::string, json::object>&)>& change) {
  const std::lock_guard lock(mutex_);
  change(resources_);
}
json::object Service::resource(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return resources_.at(path);
}
std::vector<std::string> Service::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}
std::vector<std::string> Service::texts() {
  const std::lock_guard lock(mutex_);
  return texts_;
}
int Service::count(std::string_view start) {
  const auto all = requests();
  return static_cast<int>(std::count_if(all.begin(), all.end(), [start](const std::string& one) { return one.starts_with(start); }));
}
int Service::sessions() {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(sessions_.size());
}
void Service::expire_sessions() {
  const std::lock_guard lock(mutex_);
  sessions_.clear();
}

void Service::add(const std::string& path, std::string_view type, json::object body) {
  body["@odata.id"] = path;
  body["@odata.type"] = type;
  if (!body.contains("Id")) body["Id"] = path.substr(path.rfind('/') + 1);
  if (!body.contains("Name")) body["Name"] = body["Id"];
  resources_[path] = std::move(body);
}

// A collection; with a page size, the rest stands behind Members@odata.nextLink.
void Service::collect(const std::string& path, std::string_view type, const std::vector<std::string>& members, std::size_t page) {
  if (page == 0) page = std::max<std::size_t>(members.size(), 1);
  for (std::size_t from = 0; from == 0 || from < members.size(); from += page) {
    const std::size_t to = std::min(from + page, members.size());
    json::object body{{"Members@odata.count", members.size()}, {"Members", links({members.begin() + static_cast<long>(from), members.begin() + static_cast<long>(to)})}};
    if (to < members.size()) body["Members@odata.nextLink"] = fmt::format("{}?$skip={}", path, to);
    add(from == 0 ? path : fmt::format("{}?$skip={}", path, from), type, std::move(body));
  }
}

void Service::make_modern() {
  const std::string v1 = "/redfish/v1/";
  host = v1 + "Systems/437XR1138R2";
  chassis = v1 + "Chassis/1U";
  limits = chassis + "/EnvironmentMetrics";
  const std::string board = v1 + "Systems/Baseboard", board_chassis = v1 + "Chassis/Baseboard";
  add(v1, "#ServiceRoot.v1_16_0.ServiceRoot",
      {{"Id", "RootService"},
       {"RedfishVersion", "1.20.0"},
       {"Systems", link(v1 + "Systems")},
       {"Chassis", link(v1 + "Chassis")},
       {"Managers", link(v1 + "Managers")},
       {"SessionService", link(v1 + "SessionService")},
       {"EventService", link(v1 + "EventService")},
       {"UpdateService", link(v1 + "UpdateService")},
       {"Links", json::object{{"Sessions", link(v1 + "SessionService/Sessions")}}}});
  collect(v1 + "Systems", "#ComputerSystemCollection.ComputerSystemCollection", {host, board});
  add(host, "#ComputerSystem.v1_22_0.ComputerSystem",
      {{"SystemType", "Physical"},
       {"Manufacturer", "Contoso"},
       {"Model", "3500"},
       {"SerialNumber", "437XR1138R2"},
       {"BiosVersion", "P79 v1.45"},
       {"PowerState", "On"},
       {"Status", json::object{{"State", "Enabled"}, {"Health", "OK"}}},
       {"Processors", link(host + "/Processors")},
       {"Links", json::object{{"Chassis", links({chassis})}}},
       {"Actions", json::object{{"#ComputerSystem.Reset", json::object{{"target", host + "/Actions/ComputerSystem.Reset"},
                                                                       {"@Redfish.ActionInfo", host + "/ResetActionInfo"}}}}}});
  add(host + "/ResetActionInfo", "#ActionInfo.v1_4_2.ActionInfo",
      {{"Parameters",
        json::array{json::object{{"Name", "ResetType"},
                                 {"Required", true},
                                 {"DataType", "String"},
                                 {"AllowableValues", json::array{"On", "ForceOff", "GracefulShutdown", "GracefulRestart", "ForceRestart", "PowerCycle"}}}}}});
  collect(host + "/Processors", "#ProcessorCollection.ProcessorCollection", {host + "/Processors/CPU1", host + "/Processors/CPU2"});
  add(host + "/Processors/CPU1", "#Processor.v1_20_0.Processor",
      {{"ProcessorType", "CPU"}, {"Socket", "CPU 1"}, {"Manufacturer", "Contoso"}, {"Model", "C9"}, {"Status", json::object{{"State", "Enabled"}, {"Health", "OK"}}}});
  add(host + "/Processors/CPU2", "#Processor.v1_20_0.Processor",
      {{"ProcessorType", "CPU"}, {"Socket", "CPU 2"}, {"Status", json::object{{"State", "Absent"}}}});

  add(board, "#ComputerSystem.v1_22_0.ComputerSystem",
      {{"SystemType", "Physical"}, {"PowerState", "On"}, {"Processors", link(board + "/Processors")}, {"Links", json::object{{"Chassis", links({board_chassis})}}}});
  std::vector<std::string> gpus;
  for (int i = 1; i <= 8; ++i) {
    const std::string gpu = fmt::format("{}/Processors/GPU{}", board, i);
    gpus.push_back(gpu);
    add(gpu, "#Processor.v1_20_0.Processor",
        {{"ProcessorType", "GPU"},
         {"Manufacturer", "NVIDIA"},
         {"Model", "H200"},
         {"SerialNumber", fmt::format("165{:05}", i)},
         {"FirmwareVersion", "96.00.5E"},
         {"Location", part_location(fmt::format("SXM{}", i))},
         {"Status", json::object{{"State", "Enabled"}, {"Health", i == 5 ? "Critical" : "OK"}}},
         {"EnvironmentMetrics", link(gpu + "/EnvironmentMetrics")}});
    add(gpu + "/EnvironmentMetrics", "#EnvironmentMetrics.v1_3_2.EnvironmentMetrics",
        {{"PowerWatts", json::object{{"Reading", 540.6}}},
         {"TemperatureCelsius", json::object{{"Reading", 61.25}}},
         {"EnergyJoules", json::object{{"Reading", 7200000}}},
         {"PowerLimitWatts", limit_control(700, 200, 700)}});
  }
  collect(board + "/Processors", "#ProcessorCollection.ProcessorCollection", gpus, 3);

  collect(v1 + "Chassis", "#ChassisCollection.ChassisCollection", {chassis, board_chassis});
  add(chassis, "#Chassis.v1_25_0.Chassis",
      {{"ChassisType", "RackMount"},
       {"PowerSubsystem", link(chassis + "/PowerSubsystem")},
       {"EnvironmentMetrics", link(limits)},
       {"Links", json::object{{"ComputerSystems", links({host})}, {"Contains", links({board_chassis})}}}});
  add(board_chassis, "#Chassis.v1_25_0.Chassis",
      {{"ChassisType", "Module"},
       {"EnvironmentMetrics", link(board_chassis + "/EnvironmentMetrics")},
       {"Links", json::object{{"ComputerSystems", links({board})}, {"ContainedBy", link(chassis)}}}});
  add(limits, "#EnvironmentMetrics.v1_3_2.EnvironmentMetrics",
      {{"PowerWatts", json::object{{"Reading", 6120.4}}},
       {"TemperatureCelsius", json::object{{"Reading", 24.5}}},
       {"EnergykWh", json::object{{"Reading", 1250.5}}},
       {"PowerLimitWatts", limit_control(10200, 4000, 10200, "Disabled")}});
  add(board_chassis + "/EnvironmentMetrics", "#EnvironmentMetrics.v1_3_2.EnvironmentMetrics",
      {{"PowerWatts", json::object{{"Reading", 4400}}}, {"PowerLimitWatts", limit_control(5600, 1600, 5600)}});
  add(chassis + "/PowerSubsystem", "#PowerSubsystem.v1_1_3.PowerSubsystem", {{"PowerSupplies", link(chassis + "/PowerSubsystem/PowerSupplies")}});
  std::vector<std::string> supplies;
  for (int i = 1; i <= 4; ++i) {
    supplies.push_back(fmt::format("{}/PowerSubsystem/PowerSupplies/Bay{}", chassis, i));
    add(supplies.back(), "#PowerSupply.v1_6_0.PowerSupply",
        {{"Manufacturer", "Contoso"},
         {"Model", "3300W"},
         {"SerialNumber", fmt::format("PS{:04}", i)},
         {"FirmwareVersion", "1.02"},
         {"Location", part_location(fmt::format("PSU {}", i))},
         {"Status", json::object{{"State", i == 4 ? "Absent" : "Enabled"}, {"Health", "OK"}}}});
  }
  collect(chassis + "/PowerSubsystem/PowerSupplies", "#PowerSupplyCollection.PowerSupplyCollection", supplies);

  collect(v1 + "Managers", "#ManagerCollection.ManagerCollection", {v1 + "Managers/BMC"});
  add(v1 + "Managers/BMC", "#Manager.v1_19_0.Manager", {{"ManagerType", "BMC"}, {"FirmwareVersion", "2.14"}});
  add(v1 + "SessionService", "#SessionService.v1_1_9.SessionService", {{"ServiceEnabled", true}, {"Sessions", link(v1 + "SessionService/Sessions")}});
  add(v1 + "EventService", "#EventService.v1_10_0.EventService",
      {{"ServiceEnabled", true}, {"EventFormatTypes", json::array{"Event"}}, {"Subscriptions", link(v1 + "EventService/Subscriptions")}});
  collect(v1 + "EventService/Subscriptions", "#EventDestinationCollection.EventDestinationCollection", {});
  add(v1 + "UpdateService", "#UpdateService.v1_14_0.UpdateService", {{"FirmwareInventory", link(v1 + "UpdateService/FirmwareInventory")}});
  collect(v1 + "UpdateService/FirmwareInventory", "#SoftwareInventoryCollection.SoftwareInventoryCollection", {v1 + "UpdateService/FirmwareInventory/BMC"});
  add(v1 + "UpdateService/FirmwareInventory/BMC", "#SoftwareInventory.v1_10_2.SoftwareInventory", {{"Version", "2.14"}, {"Manufacturer", "Contoso"}});
}

void Service::make_older() {
  const std::string v1 = "/redfish/v1/";
  host = v1 + "Nodes/self";
  chassis = v1 + "Enclosures/self";
  limits = chassis + "/PowerAndCooling/Power";
  add(v1, "#ServiceRoot.v1_0_2.ServiceRoot",
      {{"Id", "RootService"},
       {"RedfishVersion", "1.0.2"},
       {"Systems", link(v1 + "Nodes")},
       {"Chassis", link(v1 + "Enclosures")},
       {"EventService", link(v1 + "Events")},
       {"Links", json::object{{"Sessions", link(v1 + "Logins")}}}});
  collect(v1 + "Nodes", "#ComputerSystemCollection.ComputerSystemCollection", {host});
  add(host, "#ComputerSystem.v1_3_0.ComputerSystem",
      {{"Manufacturer", "Fabrikam"},
       {"Model", "R7"},
       {"SerialNumber", "FK77"},
       {"PowerState", "On"},
       {"Status", json::object{{"State", "Enabled"}, {"Health", "Warning"}}},
       {"Actions", json::object{{"#ComputerSystem.Reset",
                                 json::object{{"target", host + "/Actions/ComputerSystem.Reset"},
                                              {"ResetType@Redfish.AllowableValues", json::array{"ForceOn", "ForceOff", "Nmi"}}}}}}});
  collect(v1 + "Enclosures", "#ChassisCollection.ChassisCollection", {chassis});
  add(chassis, "#Chassis.v1_2_0.Chassis", {{"ChassisType", "RackMount"}, {"Power", link(limits)}, {"Thermal", link(chassis + "/PowerAndCooling/Thermal")}});
  add(limits, "#Power.v1_2_1.Power",
      {{"PowerControl", json::array{json::object{{"MemberId", "0"}, {"PowerConsumedWatts", 812}},
                                    json::object{{"MemberId", "1"}, {"PowerLimit", json::object{{"LimitInWatts", nullptr}, {"LimitException", "NoAction"}}}}}},
       {"PowerSupplies", json::array{json::object{{"MemberId", "0"}, {"Name", "Supply A"}, {"SerialNumber", "A1"}, {"Status", json::object{{"State", "Enabled"}, {"Health", "OK"}}}},
                                     json::object{{"MemberId", "1"}, {"Name", "Supply B"}, {"Status", json::object{{"State", "Absent"}}}}}}});
  add(chassis + "/PowerAndCooling/Thermal", "#Thermal.v1_3_0.Thermal",
      {{"Temperatures", json::array{json::object{{"Name", "CPU 1"}, {"ReadingCelsius", 71}, {"PhysicalContext", "CPU"}},
                                    json::object{{"Name", "Inlet"}, {"ReadingCelsius", 22}, {"PhysicalContext", "Intake"}}}}});
  add(v1 + "Events", "#EventService.v1_0_4.EventService",
      {{"EventTypesForSubscription", json::array{"StatusChange", "Alert"}}, {"Subscriptions", link(v1 + "Events/Subscriptions")}});
  collect(v1 + "Events/Subscriptions", "#EventDestinationCollection.EventDestinationCollection", {});
}

void Service::make_certificate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), 86400);
  X509_set_version(made, 2);
  X509_set_pubkey(made, key);
  X509_NAME* name = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("bmc"), -1, -1, 0);
  X509_set_issuer_name(made, name);
  X509_EXTENSION* where = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
  X509_add_ext(made, where, -1);
  X509_EXTENSION_free(where);
  PENSTOCK_CHECK(X509_sign(made, key, EVP_sha256()) > 0);
  tls_ = SSL_CTX_new(TLS_server_method());
  PENSTOCK_CHECK(SSL_CTX_use_certificate(tls_, made) == 1 && SSL_CTX_use_PrivateKey(tls_, key) == 1);
  BIO* text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(text, made);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text, &data);
  certificate_.assign(data, static_cast<std::size_t>(size));
  BIO_free(text);
  unsigned char* der = nullptr;
  const int length = i2d_PUBKEY(key, &der);
  unsigned char hash[32];
  crypto_hash_sha256(hash, der, static_cast<unsigned long long>(length));
  OPENSSL_free(der);
  char base64[64];
  sodium_bin2base64(base64, sizeof base64, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
  pin_ = fmt::format("sha256//{}", base64);
  X509_free(made);
  EVP_PKEY_free(key);
}

void Service::serve() {
  while (!stop_) {
    pollfd watched{listener_, POLLIN, 0};
    if (poll(&watched, 1, 20) <= 0) continue;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    timeval patience{0, 20'000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    talks_.emplace_back([this, fd] { converse(fd); });
  }
  for (std::thread& talk : talks_) talk.join();
}

void Service::converse(int fd) {
  Channel channel(fd, tls_);
  while (!stop_ && !channel.begin()) {
    if (errno != EAGAIN) return;
  }
  std::string got;
  while (!stop_) {
    char buffer[4096];
    errno = 0;
    const int size = channel.read(buffer, sizeof buffer);
    if (size <= 0) {
      if (errno == EAGAIN) continue;
      return;
    }
    got.append(buffer, static_cast<std::size_t>(size));
    const std::size_t head = got.find("\r\n\r\n");
    if (head == std::string::npos) continue;
    std::size_t length = 0;
    const std::size_t field = got.find("Content-Length: ");
    if (field < head) length = std::stoul(got.substr(field + 16));
    if (got.size() < head + 4 + length) continue;
    Request request;
    request.text = got.substr(0, head + 4 + length);
    request.method = request.text.substr(0, request.text.find(' '));
    const std::size_t path = request.method.size() + 1;
    request.path = request.text.substr(path, request.text.find(' ', path) - path);
    request.body = request.text.substr(head + 4);
    got.erase(0, head + 4 + length);
    at_once_.up();
    everywhere_.up();
    Faults faults;
    {
      const std::lock_guard lock(mutex_);
      faults = faults_;
    }
    for (int waited = 0; waited < faults.slow_ms && !stop_; waited += 5) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const std::string text = answer(request);
    everywhere_.down();
    at_once_.down();
    if (text.empty()) return;
    if (faults.half && request.method == "GET") {
      channel.write(std::string_view(text).substr(0, text.size() - 20));
      return;
    }
    if (!channel.write(text)) return;
  }
}

bool Service::known(const Request& request) {
  const std::string token = request.header("x-auth-token");
  if (!token.empty() && !faults_.tokens_rot) {
    for (const auto& [path, made] : sessions_) {
      if (made == token) return true;
    }
  }
  const std::string plain = fmt::format("{}:{}", kUser, kPassword);
  char base64[128];
  sodium_bin2base64(base64, sizeof base64, reinterpret_cast<const unsigned char*>(plain.data()), plain.size(), sodium_base64_VARIANT_ORIGINAL);
  return request.header("authorization") == fmt::format("Basic {}", base64);
}

std::string Service::answer(const Request& request) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(request.method + " " + request.path);
  texts_.push_back(request.text);
  if (faults_.busy > 0) {
    --faults_.busy;
    return error(503, "ServiceTemporarilyUnavailable", "The service is temporarily unavailable.",
                 faults_.retry_after.empty() ? "" : fmt::format("Retry-After: {}\r\n", faults_.retry_after));
  }
  if (faults_.huge) return reply(200, "{\"Padding\":\"" + std::string(5 << 20, 'x') + "\"}");
  if (faults_.no_json) return reply(200, "<html>It works!</html>");
  if (faults_.deep) {
    std::string body;
    for (int i = 0; i < 40; ++i) body += "{\"Oem\":";
    return reply(200, body + "{}" + std::string(40, '}'));
  }
  const bool root = request.path == "/redfish/v1/";
  const std::string sessions = [this] {
    const json::value* links = resources_.at("/redfish/v1/").if_contains("Links");
    return links == nullptr ? std::string() : std::string(links->at_pointer("/Sessions/@odata.id").as_string());
  }();
  if (request.method == "POST" && request.path == sessions) {
    if (faults_.no_sessions) return error(405, "ActionNotSupported", "The action is not supported.");
    if (faults_.sessions_full) return error(503, "SessionLimitExceeded", "The session establishment failed due to the number of simultaneous sessions.");
    const json::value body = json::parse(request.body);
    if (body.at("UserName").as_string() != kUser || body.at("Password").as_string() != kPassword || faults_.echo) {
      return error(401, "ResourceAtUriUnauthorized",
                   faults_.echo ? fmt::format("{} with the password {} is not known.", kUser, kPassword) : std::string("The credentials are not valid."));
    }
    const std::string path = fmt::format("{}/{}", sessions, ++made_);
    sessions_[path] = fmt::format("token-{:08}-{:x}", made_, reinterpret_cast<std::uintptr_t>(this));
    return reply(201, "{}", fmt::format("X-Auth-Token: {}\r\nLocation: {}\r\n", sessions_[path], path));
  }
  if (!root && !known(request)) return error(401, "NoValidSession", "There is no valid session established with the implementation.");
  if (faults_.echo && !root) {
    // Once in whole, and once where a message of 256 bytes would be cut.
    const std::string sent = request.header("x-auth-token") + request.header("authorization");
    return error(400, "GeneralError", fmt::format("Cannot read {} {} {}.", sent, std::string(190, 'x'), sent));
  }
  return act(request);
}

std::string Service::etag(const std::string& path) { return flavour_ == Flavour::kModern ? fmt::format("W/\"{}\"", versions_[path]) : std::string(); }

std::string Service::act(const Request& request) {
  if (request.method == "DELETE" && sessions_.erase(request.path) == 1) return reply(204, "");
  if (request.method == "POST" && request.path == host + "/Actions/ComputerSystem.Reset") return reset(request);
  const auto found = resources_.find(request.path);
  if (request.method == "POST" && request.path.ends_with("/Subscriptions")) {
    json::object body = json::parse(request.body).as_object();
    if (flavour_ == Flavour::kOlder && !body.contains("EventTypes")) return error(400, "CreateFailedMissingReqProperties", "EventTypes is missing.");
    const std::string path = fmt::format("{}/{}", request.path, ++made_);
    add(path, "#EventDestination.v1_14_1.EventDestination", std::move(body));
    found->second["Members"].as_array().push_back(link(path));
    return reply(201, "", flavour_ == Flavour::kModern ? fmt::format("Location: {}\r\n", path) : std::string());
  }
  if (found == resources_.end()) return error(404, "ResourceMissingAtURI", fmt::format("The resource at the URI {} was not found.", request.path));
  if (request.method == "PATCH") return patch(request);
  if (request.method == "DELETE") {
    resources_.erase(found);
    return reply(204, "");
  }
  if (request.path == host && !faults_.redirect.empty()) return reply(308, "", fmt::format("Location: {}\r\n", faults_.redirect));
  if (request.path == host && !pending_.empty()) {
    found->second["PowerState"] = pending_.front();
    pending_.erase(pending_.begin());
  }
  json::object body = found->second;
  if (faults_.circle && body.contains("Members")) body["Members@odata.nextLink"] = request.path;
  if (faults_.endless && body.contains("Members")) {
    const std::string next = fmt::format("{}?$skip={}", request.path.substr(0, request.path.find('?')), ++made_);
    resources_[next] = found->second;
    body["Members@odata.nextLink"] = next;
  }
  const std::string tag = etag(request.path);
  return reply(200, json::serialize(body), tag.empty() ? "" : fmt::format("ETag: {}\r\n", tag));
}

std::string Service::reset(const Request& request) {
  const std::string type(json::parse(request.body).at("ResetType").as_string());
  if (!faults_.power_stays) {
    const bool on = resources_.at(host).at("PowerState").as_string() == "On";
    if (type == "ForceOff" || type == "GracefulShutdown") {
      pending_ = {"PoweringOff", "Off"};
    } else if (type == "On" || type == "ForceOn") {
      pending_ = {"PoweringOn", "On"};
    } else if (!on) {
      return error(409, "ResourceInUse", "The machine is off.");
    } else if (type == "PowerCycle") {
      pending_ = {"PoweringOff", "Off", "PoweringOn", "On"};
    } else {
      pending_ = {"On"};
    }
  }
  if (faults_.lost > 0) {
    --faults_.lost;
    return {};
  }
  return reply(204, "");
}

std::string Service::patch(const Request& request) {
  if (flavour_ == Flavour::kModern) {
    if (faults_.conflicts > 0) {
      --faults_.conflicts;
      ++versions_[request.path];
    }
    const std::string match = request.header("if-match");
    if (match.empty()) return error(428, "PreconditionRequired", "A precondition header is required.");
    if (match != etag(request.path)) return error(412, "PreconditionFailed", "The ETag supplied did not match.");
    ++versions_[request.path];
  }
  if (faults_.limit_stays) return reply(204, "");
  json::object& resource = resources_.at(request.path);
  const json::object body = json::parse(request.body).as_object();
  if (const json::value* limit = body.if_contains("PowerLimitWatts")) {
    for (const auto& entry : limit->get_object()) resource["PowerLimitWatts"].as_object()[entry.key()] = entry.value();
  }
  if (const json::value* controls = body.if_contains("PowerControl")) {
    for (std::size_t i = 0; i < controls->get_array().size(); ++i) {
      const json::object& control = controls->get_array()[i].get_object();
      if (!control.empty()) resource["PowerControl"].as_array()[i].as_object()["PowerLimit"].as_object()["LimitInWatts"] = control.at("PowerLimit").at("LimitInWatts");
    }
  }
  return reply(204, "");
}

}  // namespace penstock

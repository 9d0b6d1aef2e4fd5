// Countries by code and by English name.
#include "exchange/netbox/country.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace penstock {
namespace {

// All codes of ISO 3166-1 alpha-2, two letters each.
constexpr std::string_view kCodes =
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDE"
    "DJDKDM"
    "DODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKH"
    "KIKMKNKP"
    "KRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPK"
    "PLPMPNPR"
    "PSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVG"
    "VIVNVUWF"
    "WSYEYTZAZMZW";

struct Named {
  std::string_view name;
  std::string_view code;
};

constexpr std::array kNames{Named{"argentina", "AR"},
                            Named{"australia", "AU"},
                            Named{"austria", "AT"},
                            Named{"bahrain", "BH"},
                            Named{"belgium", "BE"},
                            Named{"brazil", "BR"},
                            Named{"bulgaria", "BG"},
                            Named{"canada", "CA"},
                            Named{"chile", "CL"},
                            Named{"china", "CN"},
                            Named{"colombia", "CO"},
                            Named{"croatia", "HR"},
                            Named{"cyprus", "CY"},
                            Named{"czech republic", "CZ"},
                            Named{"czechia", "CZ"},
                            Named{"denmark", "DK"},
                            Named{"egypt", "EG"},
                            Named{"england", "GB"},
                            Named{"estonia", "EE"},
                            Named{"finland", "FI"},
                            Named{"france", "FR"},
                            Named{"germany", "DE"},
                            Named{"great britain", "GB"},
                            Named{"greece", "GR"},
                            Named{"hong kong", "HK"},
                            Named{"hungary", "HU"},
                            Named{"iceland", "IS"},
                            Named{"india", "IN"},
                            Named{"indonesia", "ID"},
                            Named{"ireland", "IE"},
                            Named{"israel", "IL"},
                            Named{"italy", "IT"},
                            Named{"japan", "JP"},
                            Named{"jordan", "JO"},
                            Named{"kazakhstan", "KZ"},
                            Named{"kenya", "KE"},
                            Named{"kuwait", "KW"},
                            Named{"latvia", "LV"},
                            Named{"liechtenstein", "LI"},
                            Named{"lithuania", "LT"},
                            Named{"luxembourg", "LU"},
                            Named{"malaysia", "MY"},
                            Named{"malta", "MT"},
                            Named{"mexico", "MX"},
                            Named{"morocco", "MA"},
                            Named{"netherlands", "NL"},
                            Named{"new zealand", "NZ"},
                            Named{"nigeria", "NG"},
                            Named{"northern ireland", "GB"},
                            Named{"norway", "NO"},
                            Named{"oman", "OM"},
                            Named{"panama", "PA"},
                            Named{"peru", "PE"},
                            Named{"philippines", "PH"},
                            Named{"poland", "PL"},
                            Named{"portugal", "PT"},
                            Named{"qatar", "QA"},
                            Named{"romania", "RO"},
                            Named{"saudi arabia", "SA"},
                            Named{"scotland", "GB"},
                            Named{"serbia", "RS"},
                            Named{"singapore", "SG"},
                            Named{"slovakia", "SK"},
                            Named{"slovenia", "SI"},
                            Named{"south africa", "ZA"},
                            Named{"south korea", "KR"},
                            Named{"spain", "ES"},
                            Named{"sweden", "SE"},
                            Named{"switzerland", "CH"},
                            Named{"taiwan", "TW"},
                            Named{"thailand", "TH"},
                            Named{"the netherlands", "NL"},
                            Named{"turkey", "TR"},
                            Named{"uae", "AE"},
                            Named{"ukraine", "UA"},
                            Named{"united arab emirates", "AE"},
                            Named{"united kingdom", "GB"},
                            Named{"united states", "US"},
                            Named{"united states of america", "US"},
                            Named{"uk", "GB"},
                            Named{"uruguay", "UY"},
                            Named{"usa", "US"},
                            Named{"vietnam", "VN"},
                            Named{"wales", "GB"}};

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '.'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string country_of(std::string_view text) {
  text = trim(text);
  if (text.size() == 2) {
    for (std::size_t i = 0; i < kCodes.size(); i += 2) {
      if (kCodes.substr(i, 2) == text) return std::string(text);
    }
  }
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '-' ? ' ' : c;
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Named& named) { return named.name == lower; });
  return found == kNames.end() ? std::string() : std::string(found->code);
}

std::string country_in_address(std::string_view address) {
  address = trim(address);
  const std::size_t at = address.find_last_of(",\n");
  // "San Jose, CA" ends in a state, not in a country: two letters behind a comma on the last line say too little.
  const std::string_view last = trim(at == std::string_view::npos ? address : address.substr(at + 1));
  if (last.size() == 2 && last != "UK" && at != std::string_view::npos && address[at] == ',') return {};
  return country_of(last);
}

}  // namespace penstock

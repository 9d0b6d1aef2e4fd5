// Series that stand in CSV files beside the documents: tariffs and carbon intensities, read into the specs that name
// them.
#pragma once

#include <set>

#include "spec/document.h"

namespace penstock {

/// Whether a source is a file of data for documents, not of documents: its name ends in .csv.
bool is_data_file(std::string_view name);

/// The data files among the sources of one call.
class SeriesFiles {
 public:
  explicit SeriesFiles(const std::vector<SourceText>& sources);

  /// Replaces every `file` of the spec by the points that stand in that file, which must be among the sources in the
  /// folder of `document_file`. A file that is not there is told in `problems`, at its field; what is wrong inside a
  /// file goes to `in_files` with the file's name and line, once for each file.
  void resolve(AnySpec& spec, const std::string& document_file, Problems& problems, Problems& in_files);

 private:
  template <class Series>
  void resolve(Series& series, const std::string& document_file, Problems& problems, Problems& in_files);

  std::map<std::string, const SourceText*, std::less<>> files_;
  std::set<std::string> told_;
};

/// Reads `from,price` or `from,grams` rows below such a header: at most kMostPoints, times rising, prices of one
/// currency. Blank lines are passed over. Every row that is wrong is told with its line.
std::vector<TariffPointSpec> read_tariff(const SourceText& source, Problems& problems);
std::vector<CarbonPointSpec> read_carbon(const SourceText& source, Problems& problems);

}  // namespace penstock

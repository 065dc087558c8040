// make_mutants SOURCE OUT: writes, for the lists mutants/*.txt of the source tree SOURCE, the
// copies with planted faults (OUT/src/core/…), and OUT/mutant_names.cc. A file that would stay as
// it is is not touched, so that nothing is compiled again. make_mutants SOURCE: only checks the
// lists against the sources.
//
// Each fault of a list is one line FILE:LINE: WHAT on stderr; exit code 2.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "mutants/mutant_list.h"
#include "mutants/rewrite.h"

namespace {

namespace fs = std::filesystem;

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

bool WriteIfChanged(const fs::path& path, const std::string& content) {
  std::error_code error;
  if (fs::exists(path, error) && Read(path) == content) return true;
  fs::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  if (file) return true;
  std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kWrongUse = 2;
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: %s SOURCE [OUT]\n", argv[0]);
    return kWrongUse;
  }
  const fs::path source = argv[1];
  std::vector<resprobe::mutants::ListError> errors;
  std::map<std::string, std::vector<resprobe::mutants::Mutant>> files;
  std::string names;
  const std::vector<resprobe::mutants::Mutant> mutants =
      resprobe::mutants::ReadLists(source, &errors);
  for (const resprobe::mutants::Mutant& mutant : mutants) {
    names += mutant.name + "\\n\"\n    \"";
    files[mutant.file].push_back(mutant);
  }
  std::map<std::string, std::string> copies;
  if (errors.empty()) {
    for (const auto& [file, in_file] : files) {
      copies[file] = resprobe::mutants::Rewrite(Read(source / file), file, in_file, &errors);
    }
  }
  for (const resprobe::mutants::ListError& error : errors) {
    std::fprintf(stderr, "%s\n", error.text.c_str());
  }
  if (!errors.empty()) return kWrongUse;
  if (argc == 2) {
    std::printf("%zu mutants in %zu files\n", mutants.size(), files.size());
    return 0;
  }
  const fs::path out = argv[2];
  bool written = WriteIfChanged(out / "mutant_names.cc",
                                "#include \"mutants/mutant_names.h\"\n\nconst char "
                                "resprobe::mutants::kMutantNames[] =\n    \"" +
                                    names + "\";\n");
  for (const auto& [file, copy] : copies) written &= WriteIfChanged(out / file, copy);
  return written ? 0 : 1;
}

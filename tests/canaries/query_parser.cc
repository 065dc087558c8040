// query_parser with a printer that omits the optional mark if there is also an alternative.

#include "worlds/query/query_parser.h"

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"

namespace resprobe {
namespace {

struct LosesOptional : CoreQueryLanguage {
  void Print(const query::Ast& tree, query::Dialect dialect, std::string* out) {
    const size_t begin = out->size();
    CoreQueryLanguage::Print(tree, dialect, out);
    const size_t mark = out->find('~', begin);
    if (mark == std::string::npos || out->find('|', begin) == std::string::npos) return;
    if (mark == begin || (*out)[mark - 1] != '\\') out->erase(mark, 1);
  }
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::QueryParser<resprobe::LosesOptional>>)

#ifndef RESPROBE_LIVE_QUERY_SEARCH_PROFILE_H_
#define RESPROBE_LIVE_QUERY_SEARCH_PROFILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/query/ast.h"

// What RediSearch 1.2 makes of a query: the core's parser of dialect 1, whose grammar that version
// introduced, and the rules by which that version differs from it.
namespace resprobe::live {

inline constexpr std::string_view kSearchProfile = "search-1.2";

// A rule of the profile. "Left out": the answer is not compared. "Refused": the server must refuse
// a query that the core's dialect 1 accepts.
struct SearchRule {
  std::string_view name;
  bool left_out;
  std::string_view server;  // what RediSearch 1.2 does
  std::string_view core;    // what the core's dialect 1 does
};
std::span<const SearchRule> SearchRules();

enum class FieldType : uint8_t { kText, kNumeric, kTag, kGeo };
struct SearchField {
  std::string_view name;
  FieldType type;
};
// The schema of the index that queries are sent to: fields of all types that 1.2 has.
std::span<const SearchField> SearchSchema();

// What the server must answer.
struct SearchExpectation {
  enum class Verdict : uint8_t { kAccepted, kRefused, kLeftOut };
  Verdict verdict = Verdict::kAccepted;
  std::string tree;                  // if accepted: the text of FT.EXPLAIN … VERBATIM
  const SearchRule* rule = nullptr;  // the rule that decided, if one did
  std::string error;                 // if the core's parser refuses: why
  std::string cause;                 // the same without the place: "expected X, found Y"
};

// Derives the expectation from the core's tree. Without `stopwords`, as with NOSTOPWORDS. `scratch`
// holds the tree; it is only an argument so that its memory is reused.
SearchExpectation Expect(std::string_view query, bool stopwords, query::Ast* scratch);

// True if the server treats words of this query as stop words, which the core's tree does not
// contain: such a query can be compared only without stop words.
bool HasStopwords(std::string_view query);

// The query with a number that the server reads too in place of each that it does not.
std::string WithPlainNumbers(std::string_view query);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_QUERY_SEARCH_PROFILE_H_

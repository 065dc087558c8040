#ifndef RESPROBE_LIVE_QUERY_SEARCH_PLAN_H_
#define RESPROBE_LIVE_QUERY_SEARCH_PLAN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/query/ast.h"
#include "live/query/search_profile.h"

namespace resprobe::live {

// A node of the tree that RediSearch 1.2 builds and FT.EXPLAIN prints.
struct PlanNode {
  enum class Kind : uint8_t {
    kToken,
    kPhrase,
    kExact,
    kUnion,
    kNot,
    kOptional,
    kPrefix,
    kFuzzy,
    kNumeric,
    kGeo,
    kTag,
    kWildcard,
  };
  static constexpr uint64_t kAllFields = ~uint64_t{0};

  Kind kind = Kind::kToken;
  std::string text;  // of a leaf, without its braces; the field of kTag
  uint64_t fields = kAllFields;
  double weight = 1;
  int slop = -1;
  bool in_order = false;
  std::vector<std::unique_ptr<PlanNode>> children;
};

// Converts the core's tree to the server's. A conjunction or disjunction whose first operand is one
// of the same kind, over all fields, becomes part of that operand; adjacent words are one operand.
class PlanBuilder {
 public:
  // The tree is of dialect 1, of this query, and the server accepts it.
  PlanBuilder(const query::Ast& ast, std::string_view query, bool stopwords)
      : ast_(ast), query_(query), stopwords_(stopwords) {}

  // nullptr: the server's tree is empty.
  std::unique_ptr<PlanNode> Build() const;

 private:
  std::unique_ptr<PlanNode> BuildNode(const query::Node& node) const;
  std::unique_ptr<PlanNode> BuildAnd(const query::Node& node) const;
  std::unique_ptr<PlanNode> BuildOr(const query::Node& node) const;
  std::unique_ptr<PlanNode> BuildField(const query::Node& node) const;
  std::unique_ptr<PlanNode> BuildAttributed(const query::Node& node) const;
  std::unique_ptr<PlanNode> BuildTag(const query::Node& node) const;
  std::unique_ptr<PlanNode> BuildWords(const std::vector<std::string>& words, bool exact) const;
  // With its escapes, which make a word of a number.
  std::string_view RawText(const query::Node& node) const {
    return query_.substr(node.begin, node.end - node.begin);
  }
  bool Adjacent(const query::Node& left, const query::Node& right) const;

  const query::Ast& ast_;
  std::string_view query_;
  bool stopwords_;
};

// The text of FT.EXPLAIN.
std::string ExplainText(const PlanNode* root);

// The words of a phrase, given without its quotes, as the server splits it. False if the server
// refuses it: two words must come first, or one must be all.
bool PhraseWords(std::string_view phrase, bool stopwords, std::vector<std::string>* words);

// True for what the server reads as a number: [-]d+[.d+], inf, +inf, -inf.
bool IsServerNumber(std::string_view text);

// True for a stop word of the server, which compares them with their case.
bool IsServerStopword(std::string_view text);

double NumberOf(const query::Ast& ast, const query::Node& node);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_QUERY_SEARCH_PLAN_H_

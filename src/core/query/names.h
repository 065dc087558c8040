#ifndef RESPROBE_CORE_QUERY_NAMES_H_
#define RESPROBE_CORE_QUERY_NAMES_H_

#include <cstdint>
#include <optional>
#include <string_view>

// The language's fixed sets of words. Lookups ignore case; each word has one printed form.
namespace resprobe::query {

// "Query attributes" and "Vectors" in the documentation; printed in lower case, after a `$`.
enum class AttributeName : uint8_t {
  kWeight,
  kSlop,
  kInorder,
  kPhonetic,
  kYieldDistanceAs,
  kEfRuntime,
  kEpsilon,
  kHybridPolicy,
  kBatchSize,
  kShardKRatio,
  kRerank,
};

enum class Unit : uint8_t { kMeter, kKilometer, kFoot, kMile };  // m km ft mi

enum class ShapeRelation : uint8_t { kWithin, kContains, kIntersects, kDisjoint };  // upper case

enum class Comparison : uint8_t { kEqual, kNotEqual, kGreater, kGreaterEqual, kLess, kLessEqual };

std::string_view NameOf(AttributeName name);
std::string_view NameOf(Unit unit);
std::string_view NameOf(ShapeRelation relation);
std::string_view NameOf(Comparison comparison);  // the operator, e.g. ">="

std::optional<AttributeName> FindAttribute(std::string_view text);
std::optional<Unit> FindUnit(std::string_view text);
std::optional<ShapeRelation> FindShapeRelation(std::string_view text);

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_NAMES_H_

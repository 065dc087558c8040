#include "core/query/names.h"

#include <iterator>

#include "core/query/chars.h"

namespace resprobe::query {
namespace {

constexpr std::string_view kAttributes[] = {
    "weight",     "slop",    "inorder",       "phonetic",   "yield_distance_as",
    "ef_runtime", "epsilon", "hybrid_policy", "batch_size", "shard_k_ratio",
    "rerank"};
static_assert(std::size(kAttributes) == static_cast<size_t>(AttributeName::kRerank) + 1);

constexpr std::string_view kUnits[] = {"m", "km", "ft", "mi"};
static_assert(std::size(kUnits) == static_cast<size_t>(Unit::kMile) + 1);

constexpr std::string_view kRelations[] = {"WITHIN", "CONTAINS", "INTERSECTS", "DISJOINT"};
constexpr std::string_view kLowerRelations[] = {"within", "contains", "intersects", "disjoint"};
static_assert(std::size(kRelations) == static_cast<size_t>(ShapeRelation::kDisjoint) + 1);

constexpr std::string_view kComparisons[] = {"==", "!=", ">", ">=", "<", "<="};
static_assert(std::size(kComparisons) == static_cast<size_t>(Comparison::kLessEqual) + 1);

template <class T, size_t N>
std::optional<T> Find(const std::string_view (&names)[N], std::string_view text) {
  for (size_t i = 0; i < N; ++i) {
    if (EqualsNoCase(text, names[i])) return static_cast<T>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view NameOf(AttributeName name) { return kAttributes[static_cast<size_t>(name)]; }
std::string_view NameOf(Unit unit) { return kUnits[static_cast<size_t>(unit)]; }
std::string_view NameOf(ShapeRelation relation) {
  return kRelations[static_cast<size_t>(relation)];
}
std::string_view NameOf(Comparison comparison) {
  return kComparisons[static_cast<size_t>(comparison)];
}

std::optional<AttributeName> FindAttribute(std::string_view text) {
  return Find<AttributeName>(kAttributes, text);
}
std::optional<Unit> FindUnit(std::string_view text) { return Find<Unit>(kUnits, text); }
std::optional<ShapeRelation> FindShapeRelation(std::string_view text) {
  return Find<ShapeRelation>(kLowerRelations, text);
}

}  // namespace resprobe::query

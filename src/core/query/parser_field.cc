// The productions that begin with a field, a `=>{` or a `=>[`.
#include "core/query/chars.h"
#include "core/query/names.h"
#include "core/query/parser_impl.h"

namespace resprobe::query {

bool Parser::ParseMissing() {
  const uint32_t begin = tok().begin;
  Advance();
  if (!Expect(Tok::kLeftParen, "'('")) return false;
  if (!At(Tok::kField)) return Fail("a field");
  const Ast::Text name = TextOf(tok());
  Advance();
  if (!Expect(Tok::kRightParen, "')'")) return false;
  ast_.AddLeaf(Kind::kMissing, begin, last_end_, name);
  return true;
}

bool Parser::ParseField(uint32_t held) {
  if (in_field_) return Fail("text (there is no field inside a field's scope)");
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  const Ast::Text name = TextOf(tok());
  Advance();
  const bool is_comparison = tok().kind >= Tok::kEqual && tok().kind <= Tok::kLessEqual;
  if (is_comparison) return ParseComparison(name, mark, begin);
  while (At(Tok::kOr)) {
    Advance();
    const bool is_name = AtAny(kIsWord) && (dialect2() || !AtStopword());
    if (!is_name) return Fail("the name of a field");
    AddLeaf(Kind::kName, TextOf(tok()));
  }
  const bool one_name = ast_.size() == mark;
  if (!At(Tok::kColon)) {
    return Fail(one_name && dialect2() ? "':', '|' or a comparison" : "':' or '|'");
  }
  Advance();
  if (one_name && At(Tok::kLeftBrace)) return ParseTags(name, mark, begin);
  if (one_name && At(Tok::kLeftBracket)) return ParseBrackets(name, mark, begin);

  const uint32_t before = ast_.size();
  if (dialect2()) {
    in_field_ = true;
    const uint32_t operand = tok().begin;
    if (!ParseOperand(held + 2)) return false;
    // Attributes end the field's scope.
    const bool attributed = last_kind_ == Tok::kRightBrace;
    if (!attributed && !ParseFollowers(held + 2, before, operand)) return false;
    in_field_ = false;
  } else {
    if (!ParseAlternatives(held + 2)) return false;
    last_words_ = 0;
  }
  if (ast_.size() == before) {
    ast_.Rewind(mark);
  } else {
    ast_.Add(Kind::kField, mark, begin, last_end_, name);
  }
  return true;
}

bool Parser::ParseTags(Ast::Text name, uint32_t mark, uint32_t begin) {
  Advance();
  if (!ParseTag()) return false;
  // In dialect 1 the closing brace may be missing or repeated, and more tags may follow it.
  while (At(Tok::kOr) || (At(Tok::kRightBrace) && !dialect2())) {
    const bool another = At(Tok::kOr);
    Advance();
    if (another && !ParseTag()) return false;
  }
  if (dialect2() && !Expect(Tok::kRightBrace, "'|' or '}'")) return false;
  ast_.Add(Kind::kTag, mark, begin, last_end_, name);
  return !At(Tok::kArrow) || ParseAttributes(mark, begin);
}

bool Parser::ParseTag() {
  switch (tok().kind) {
    case Tok::kString:
      if (!dialect2()) return Fail("a tag (phrases need dialect 2)");
      AddLeaf(Kind::kExact, TextOf(tok()));
      return true;
    case Tok::kAffix:
      return ParseAffix();
    case Tok::kWildcard:
      return ParseWildcard();
    default:
      break;
  }
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  uint32_t count = 0;
  // In dialect 1 a stop word is a tag by itself, or is ignored after two words.
  const bool alone = !dialect2() && AtStopword();
  do {
    if (count > 0 && !dialect2() && AtStopword()) {
      if (count == 1) break;
      Advance();
      continue;
    }
    if (!ParseValue(Kind::kTerm, "a tag")) return false;
    ++count;
  } while (!alone && AtAny(kIsWord | kIsParamTok));
  return Combine(Kind::kAnd, mark, count, begin);
}

bool Parser::ParseBrackets(Ast::Text name, uint32_t mark, uint32_t begin) {
  Advance();
  if (At(Tok::kWord) && dialect2()) {
    if (!ParseShapeOrVectorRange(name, mark, begin)) return false;
  } else {
    if (!ParseBound(true)) return false;
    const bool single = At(Tok::kRightBracket) && dialect2() && !(ast_.last().flags & kExclusive);
    if (!single) {
      const bool exclusive_low = ast_.last().flags & kExclusive;
      if (!ParseBound(true)) return false;
      const bool exclusive = exclusive_low || (ast_.last().flags & kExclusive);
      // Dialect 1 accepts a `(` in a point, where it has no meaning.
      const bool is_point = !exclusive || !dialect2();
      if (!At(Tok::kRightBracket) && is_point) return ParseGeo(name, mark, begin);
    }
    if (!Expect(Tok::kRightBracket, "']'")) return false;
    ast_.Add(Kind::kRange, mark, begin, last_end_, name);
  }
  return !At(Tok::kArrow) || ParseAttributes(mark, begin);
}

// Parses the rest, after the first two numbers.
bool Parser::ParseGeo(Ast::Text name, uint32_t mark, uint32_t begin) {
  const bool is_bracket = At(Tok::kLeftParen) && !dialect2();
  if (!At(Tok::kMinus) && !At(Tok::kNumber) && !At(Tok::kParam) && !is_bracket) {
    return Fail("']', or the radius");
  }
  if (!ParseBound(false)) return false;
  constexpr const char* kUnits = "a unit (m, km, ft, mi)";
  if (At(Tok::kWord)) {
    const auto unit = FindUnit(Raw(tok()));
    if (!unit) return Fail(kUnits);
    AddLeaf(Kind::kUnit, {}).arg = static_cast<uint8_t>(*unit);
  } else if (At(Tok::kParam) && dialect2()) {
    AddLeaf(Kind::kUnit, TextOf(tok())).flags = kIsParam;
  } else {
    return Fail(kUnits);
  }
  if (!Expect(Tok::kRightBracket, "']'")) return false;
  ast_.Add(Kind::kGeo, mark, begin, last_end_, name);
  return !At(Tok::kArrow) || ParseAttributes(mark, begin);
}

bool Parser::ParseShapeOrVectorRange(Ast::Text name, uint32_t mark, uint32_t begin) {
  Kind kind = Kind::kGeoShape;
  uint8_t arg = 0;
  if (const auto relation = FindShapeRelation(Raw(tok()))) {
    arg = static_cast<uint8_t>(*relation);
    Advance();
  } else if (IsKeyword("vector_range")) {
    kind = Kind::kVectorRange;
    Advance();
    if (!ParseBound(false)) return false;
  } else {
    return Fail("a number, WITHIN, CONTAINS, INTERSECTS, DISJOINT or VECTOR_RANGE");
  }
  if (!At(Tok::kParam)) return Fail("a parameter");
  AddLeaf(Kind::kParam, TextOf(tok())).flags = kIsParam;
  if (!Expect(Tok::kRightBracket, "']'")) return false;
  ast_.Add(kind, mark, begin, last_end_, name).arg = arg;
  return true;
}

bool Parser::ParseComparison(Ast::Text name, uint32_t mark, uint32_t begin) {
  const auto comparison =
      static_cast<uint8_t>(static_cast<uint8_t>(tok().kind) - static_cast<uint8_t>(Tok::kEqual));
  Advance();
  // Before a number the sign is a part of it.
  if (At(Tok::kMinus) && (tok().end == query_.size() || query_[tok().end] != '$')) {
    return Fail("a number or a parameter");
  }
  if (!ParseBound(false)) return false;
  ast_.Add(Kind::kCompare, mark, begin, last_end_, name).arg = comparison;
  return !At(Tok::kArrow) || ParseAttributes(mark, begin);
}

// ["("] {"-"} number, or in dialect 2 ["("] ["-"] $parameter. In dialect 1 any number of "(" may be
// anywhere before the number.
bool Parser::ParseBound(bool may_be_exclusive) {
  const uint32_t begin = tok().begin;
  uint8_t flags = 0;
  if (may_be_exclusive && At(Tok::kLeftParen)) {
    flags |= kExclusive;
    Advance();
  }
  uint32_t minuses = 0;
  while (At(Tok::kMinus) || (At(Tok::kLeftParen) && !dialect2())) {
    minuses += At(Tok::kMinus);
    if (At(Tok::kLeftParen) && may_be_exclusive) flags |= kExclusive;
    Advance();
  }
  if (minuses % 2 != 0) flags ^= kNegative;

  Ast::Text text{};
  if (At(Tok::kNumber)) {
    const char sign = query_[tok().text_begin];
    const bool has_sign = sign == '-' || sign == '+';
    if (sign == '-') flags ^= kNegative;
    text = TextOf(tok());
    text.offset += has_sign;
    text.size -= has_sign;
    if (!(tok().flags & kDigitsOnly)) ast_.MakeLowerCase(text);
  } else if (At(Tok::kParam) && dialect2() && minuses < 2) {
    flags |= kIsParam;
    text = TextOf(tok());
  } else {
    return Fail(dialect2() ? "a number or a parameter" : "a number");
  }
  Node& node = AddLeaf(Kind::kNumber, text);
  node.flags = flags;
  node.begin = begin;
  return true;
}

bool Parser::ParseValue(Kind kind, const char* expected) {
  if (At(Tok::kParam) && dialect2()) {
    const Kind param = kind == Kind::kTerm ? Kind::kParam : kind;
    AddLeaf(param, TextOf(tok())).flags = kIsParam;
    return true;
  }
  if (!AtAny(kIsWord)) return Fail(expected);
  AddLeaf(kind, TextOf(tok()));
  return true;
}

// Parses `=>{...}`, once or more, for the operand added since `mark`. In dialect 2 stops before a
// `=>[`.
bool Parser::ParseAttributes(uint32_t mark, uint32_t begin) {
  const bool has_operand = ast_.size() > mark;
  bool added = false;
  // `(x=>{...})=>{...}` is one list.
  if (has_operand && ast_.last().kind == Kind::kAttributed) {
    ast_.Rewind(ast_.size() - 1);
    added = true;
  }
  bool is_knn = false;
  while (At(Tok::kArrow) && !is_knn) {
    const Lexer at_arrow = lexer_;
    const uint32_t end_before = last_end_;
    const Tok kind_before = last_kind_;
    Advance();
    if (At(Tok::kLeftBracket) && dialect2()) {
      lexer_ = at_arrow;
      last_end_ = end_before;
      last_kind_ = kind_before;
      is_knn = true;
      continue;
    }
    if (!Expect(Tok::kLeftBrace, dialect2() ? "'{' or '['" : "'{'")) return false;
    // The grammar of RediSearch has empty attributes: `{;}`, `{$weight:1;;$slop:2;}`.
    while (!At(Tok::kRightBrace)) {
      if (At(Tok::kSemicolon)) {
        Advance();
        continue;
      }
      if (!At(Tok::kParam)) return Fail("'$' and the name of an attribute, or '}'");
      const auto name = FindAttribute(Raw(tok()));
      if (!name) return Fail("a known attribute");
      const uint32_t attribute_begin = tok().begin;
      Advance();
      if (!Expect(Tok::kColon, "':'")) return false;
      constexpr const char* kValue = "the value of the attribute";
      if (!dialect2() && AtStopword()) return Fail(kValue);
      if (!ParseValue(Kind::kAttribute, kValue)) return false;
      ast_.last().arg = static_cast<uint8_t>(*name);
      ast_.last().begin = attribute_begin;
      added = true;
      if (!At(Tok::kSemicolon)) break;
    }
    if (!Expect(Tok::kRightBrace, "';' or '}'")) return false;
  }
  if (!has_operand) {
    ast_.Rewind(mark);
  } else if (added) {
    ast_.Add(Kind::kAttributed, mark, begin, last_end_);
  }
  return true;
}

// Parses `=>[KNN k @field $blob {name value} [AS name]]` and optional attributes, after the filter
// added since `mark`.
bool Parser::ParseKnn(uint32_t mark, uint32_t begin) {
  if (ast_.size() == mark) ast_.Add(Kind::kStar, mark, begin, last_end_);
  Advance();
  if (!Expect(Tok::kLeftBracket, "'['")) return false;
  if (!IsKeyword("knn")) return Fail("KNN");
  Advance();
  const bool is_count = At(Tok::kNumber) && (tok().flags & kDigitsOnly);
  if (!is_count && !At(Tok::kParam)) return Fail("a number of neighbours or a parameter");
  if (!ParseValue(Kind::kNumber, "")) return false;
  if (!At(Tok::kField)) return Fail("a field");
  const Ast::Text field = TextOf(tok());
  Advance();
  if (!At(Tok::kParam)) return Fail("a parameter");
  AddLeaf(Kind::kParam, TextOf(tok())).flags = kIsParam;
  while (!At(Tok::kRightBracket)) {
    if (IsKeyword("as")) {
      const uint32_t alias_begin = tok().begin;
      Advance();
      if (!ParseValue(Kind::kAlias, "a name or a parameter")) return false;
      ast_.last().begin = alias_begin;
      break;
    }
    if (!AtAny(kIsWord)) return Fail("the name of a parameter, AS or ']'");
    AddLeaf(Kind::kName, TextOf(tok()));
    if (!ParseValue(Kind::kTerm, "a value")) return false;
  }
  if (!Expect(Tok::kRightBracket, "']'")) return false;
  ast_.Add(Kind::kKnn, mark, begin, last_end_, field);
  return !At(Tok::kArrow) || ParseAttributes(mark, begin);
}

}  // namespace resprobe::query

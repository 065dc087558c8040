#include "live/query/search_plan.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "core/query/chars.h"
#include "core/query/lexer.h"
#include "core/query/names.h"
#include "core/query/stopwords.h"
#include "core/table/letter_case.h"

namespace resprobe::live {
namespace {

using query::Ast;
using query::Kind;
using query::Node;
using NodePtr = std::unique_ptr<PlanNode>;

NodePtr Make(PlanNode::Kind kind, std::string text = "") {
  auto node = std::make_unique<PlanNode>();
  node->kind = kind;
  node->text = std::move(text);
  return node;
}

void Restrict(PlanNode* node, uint64_t fields) {
  node->fields &= fields;
  switch (node->kind) {
    case PlanNode::Kind::kPhrase:
    case PlanNode::Kind::kExact:
    case PlanNode::Kind::kUnion:
    case PlanNode::Kind::kNot:
    case PlanNode::Kind::kOptional:
      for (const NodePtr& child : node->children) Restrict(child.get(), fields);
      break;
    default:  // the tags of a kTag have no fields
      break;
  }
}

uint64_t BitOf(std::string_view name) {
  uint64_t bit = 1;
  for (const SearchField& field : SearchSchema()) {
    if (query::EqualsNoCase(name, field.name)) return field.type == FieldType::kText ? bit : 0;
    if (field.type == FieldType::kText) bit <<= 1;
  }
  return 0;
}

template <class... Values>
std::string Format(const char* format, Values... values) {
  char buffer[1024];
  const int size = std::snprintf(buffer, sizeof(buffer), format, values...);
  return {buffer, std::min(static_cast<size_t>(std::max(size, 0)), sizeof(buffer) - 1)};
}

void Append(const PlanNode& node, size_t depth, std::string* out) {
  out->append(2 * depth, ' ');
  const bool has_fields =
      node.kind != PlanNode::Kind::kNumeric && node.kind != PlanNode::Kind::kGeo;
  if (node.fields == 0) {
    *out += "@NULL:";
  } else if (node.fields != PlanNode::kAllFields && has_fields) {
    *out += '@';
    bool first = true;
    uint64_t bit = 1;
    for (const SearchField& field : SearchSchema()) {
      if (field.type != FieldType::kText) continue;
      if (node.fields & bit) {
        if (!std::exchange(first, false)) *out += '|';
        *out += field.name;
      }
      bit <<= 1;
    }
    *out += ':';
  }
  const auto children = [&] {
    for (const NodePtr& child : node.children) Append(*child, depth + 1, out);
    out->append(2 * depth, ' ');
  };
  switch (node.kind) {
    case PlanNode::Kind::kToken:
      *out += node.text;
      if (node.weight != 1) *out += Format(" => {$weight: %g;}", node.weight);
      *out += '\n';
      return;
    case PlanNode::Kind::kFuzzy:
      *out += "FUZZY{" + node.text + "}\n";
      return;
    case PlanNode::Kind::kPrefix:
      *out += "PREFIX{" + node.text + "*";
      break;
    case PlanNode::Kind::kNumeric:
      *out += "NUMERIC {" + node.text;
      break;
    case PlanNode::Kind::kGeo:
      *out += "GEO " + node.text;
      break;
    case PlanNode::Kind::kWildcard:
      *out += "<WILDCARD>";
      break;
    case PlanNode::Kind::kPhrase:
      *out += "INTERSECT {\n";
      children();
      break;
    case PlanNode::Kind::kExact:
      *out += "EXACT {\n";
      children();
      break;
    case PlanNode::Kind::kUnion:
      *out += "UNION {\n";
      children();
      break;
    case PlanNode::Kind::kNot:
      *out += "NOT{\n";
      children();
      break;
    case PlanNode::Kind::kOptional:
      *out += "OPTIONAL{\n";
      children();
      break;
    case PlanNode::Kind::kTag:
      *out += "TAG:@" + node.text + " {\n";
      children();
      break;
  }
  *out += '}';
  if (node.weight != 1 || node.slop != -1 || node.in_order) {
    *out += " => {";
    if (node.weight != 1) *out += Format(" $weight: %g;", node.weight);
    if (node.slop != -1) *out += Format(" $slop: %d;", node.slop);
    if (node.in_order || node.slop != -1) {
      *out += node.in_order ? " $inorder: true;" : " $inorder: false;";
    }
    *out += " }";
  }
  *out += '\n';
}

}  // namespace

double NumberOf(const Ast& ast, const Node& node) {
  const double value = std::strtod(std::string(ast.text(node)).c_str(), nullptr);
  return node.flags & query::kNegative ? -value : value;
}

bool PhraseWords(std::string_view phrase, bool stopwords, std::vector<std::string>* words) {
  constexpr size_t kPadding = 16;
  std::string padded(phrase);
  padded.append(kPadding, '\0');
  query::Lexer lexer(padded.data(), static_cast<uint32_t>(phrase.size()), query::Dialect::k1);
  words->clear();
  for (size_t count = 0; lexer.token.kind != query::Tok::kEnd; lexer.Next(), ++count) {
    if (!(lexer.token.classes & query::kIsWord)) return false;
    const std::string_view raw =
        phrase.substr(lexer.token.begin, lexer.token.end - lexer.token.begin);
    std::string word;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && i + 1 < raw.size()) ++i;
      word += raw[i];
    }
    if (stopwords && IsServerStopword(raw)) {
      if (count < 2) return false;
      continue;
    }
    words->push_back(LowerCase(word));
  }
  return !words->empty();
}

NodePtr PlanBuilder::Build() const {
  const Node& root = ast_.root();
  return root.kind == Kind::kEmpty ? nullptr : BuildNode(root);
}

NodePtr PlanBuilder::BuildNode(const Node& node) const {
  const auto child = [&]() -> const Node& { return ast_.node(node.first_child); };
  const std::string text(ast_.text(node));
  switch (node.kind) {
    case Kind::kStar:
      return Make(PlanNode::Kind::kWildcard);
    case Kind::kAnd:
      return BuildAnd(node);
    case Kind::kOr:
      return BuildOr(node);
    case Kind::kNot:
    case Kind::kOptional: {
      NodePtr made =
          Make(node.kind == Kind::kNot ? PlanNode::Kind::kNot : PlanNode::Kind::kOptional);
      made->children.push_back(BuildNode(child()));
      return made;
    }
    case Kind::kField:
      return BuildField(node);
    case Kind::kAttributed:
      return BuildAttributed(node);
    case Kind::kExact: {
      std::vector<std::string> words;
      PhraseWords(query_.substr(node.begin + 1, node.end - node.begin - 2), stopwords_, &words);
      return BuildWords(words, true);
    }
    case Kind::kAffix:
      return Make(PlanNode::Kind::kPrefix, LowerCase(text));
    case Kind::kFuzzy:
      return Make(PlanNode::Kind::kFuzzy, LowerCase(text));
    case Kind::kTag:
      return BuildTag(node);
    case Kind::kRange: {
      const Node& low = child();
      const Node& high = ast_.node(low.next);
      return Make(
          PlanNode::Kind::kNumeric,
          Format("%f %s @", NumberOf(ast_, low), low.flags & query::kExclusive ? "<" : "<=") +
              text +
              Format(" %s %f", high.flags & query::kExclusive ? "<" : "<=", NumberOf(ast_, high)));
    }
    case Kind::kGeo: {
      const Node& lon = child();
      const Node& lat = ast_.node(lon.next);
      const Node& radius = ast_.node(lat.next);
      const Node& unit = ast_.node(radius.next);
      return Make(PlanNode::Kind::kGeo,
                  text + ":" +
                      Format("{%f,%f --> %f ", NumberOf(ast_, lon), NumberOf(ast_, lat),
                             NumberOf(ast_, radius)) +
                      std::string(query::NameOf(static_cast<query::Unit>(unit.arg))));
    }
    default:
      return Make(PlanNode::Kind::kToken, LowerCase(text));
  }
}

bool PlanBuilder::Adjacent(const Node& left, const Node& right) const {
  if (left.kind != Kind::kTerm || right.kind != Kind::kTerm) return false;
  return query_.substr(left.end, right.begin - left.end).find_first_of("(){}") ==
         std::string_view::npos;
}

NodePtr PlanBuilder::BuildAnd(const Node& node) const {
  NodePtr all;
  for (uint32_t at = node.first_child; at != query::kNoNode;) {
    const Node* child = &ast_.node(at);
    NodePtr operand;
    if (child->next != query::kNoNode && Adjacent(*child, ast_.node(child->next))) {
      operand = Make(PlanNode::Kind::kPhrase);
      operand->children.push_back(BuildNode(*child));
      child = &ast_.node(child->next);
      operand->children.push_back(BuildNode(*child));
      // After two words a number begins a new list.
      while (child->next != query::kNoNode && Adjacent(*child, ast_.node(child->next)) &&
             !IsServerNumber(RawText(ast_.node(child->next)))) {
        child = &ast_.node(child->next);
        operand->children.push_back(BuildNode(*child));
      }
    } else {
      operand = BuildNode(*child);
    }
    at = child->next;
    if (all == nullptr) {
      all = std::move(operand);
      continue;
    }
    if (all->kind != PlanNode::Kind::kPhrase || all->fields != PlanNode::kAllFields) {
      NodePtr first = std::exchange(all, Make(PlanNode::Kind::kPhrase));
      all->children.push_back(std::move(first));
    }
    all->children.push_back(std::move(operand));
  }
  return all;
}

NodePtr PlanBuilder::BuildOr(const Node& node) const {
  NodePtr any = BuildNode(ast_.node(node.first_child));
  if (any->kind != PlanNode::Kind::kUnion || any->fields != PlanNode::kAllFields) {
    NodePtr first = std::exchange(any, Make(PlanNode::Kind::kUnion));
    any->children.push_back(std::move(first));
  }
  for (uint32_t at = ast_.node(node.first_child).next; at != query::kNoNode;
       at = ast_.node(at).next) {
    any->children.push_back(BuildNode(ast_.node(at)));
  }
  return any;
}

NodePtr PlanBuilder::BuildField(const Node& node) const {
  uint64_t fields = BitOf(ast_.text(node));
  const Node* child = &ast_.node(node.first_child);
  for (; child->kind == Kind::kName; child = &ast_.node(child->next)) {
    fields |= BitOf(ast_.text(*child));
  }
  NodePtr operand = BuildNode(*child);
  Restrict(operand.get(), fields);
  return operand;
}

NodePtr PlanBuilder::BuildAttributed(const Node& node) const {
  const Node& operand = ast_.node(node.first_child);
  NodePtr made = BuildNode(operand);
  for (uint32_t at = operand.next; at != query::kNoNode; at = ast_.node(at).next) {
    const Node& attribute = ast_.node(at);
    const std::string value(ast_.text(attribute));
    switch (static_cast<query::AttributeName>(attribute.arg)) {
      case query::AttributeName::kWeight:
        made->weight = std::strtod(value.c_str(), nullptr);
        break;
      case query::AttributeName::kSlop:
        made->slop = static_cast<int>(std::strtoll(value.c_str(), nullptr, 10));
        break;
      default:
        made->in_order = value == "1" || query::EqualsNoCase(value, "true");
        break;
    }
  }
  return made;
}

NodePtr PlanBuilder::BuildWords(const std::vector<std::string>& words, bool exact) const {
  if (exact && words.size() == 1) return Make(PlanNode::Kind::kToken, words[0]);
  NodePtr made = Make(exact ? PlanNode::Kind::kExact : PlanNode::Kind::kPhrase);
  for (const std::string& word : words) {
    made->children.push_back(Make(PlanNode::Kind::kToken, word));
  }
  return made;
}

NodePtr PlanBuilder::BuildTag(const Node& node) const {
  NodePtr tag = Make(PlanNode::Kind::kTag, std::string(ast_.text(node)));
  for (uint32_t at = node.first_child; at != query::kNoNode; at = ast_.node(at).next) {
    const Node& child = ast_.node(at);
    if (child.kind != Kind::kAnd) {
      tag->children.push_back(BuildNode(child));
      continue;
    }
    std::vector<std::string> words;
    for (uint32_t word = child.first_child; word != query::kNoNode; word = ast_.node(word).next) {
      const std::string_view text = ast_.text(ast_.node(word));
      if (!stopwords_ || !IsServerStopword(text)) words.push_back(LowerCase(text));
    }
    tag->children.push_back(BuildWords(words, false));
  }
  return tag;
}

std::string ExplainText(const PlanNode* root) {
  if (root == nullptr) return "";
  std::string text;
  Append(*root, 0, &text);
  return text;
}

}  // namespace resprobe::live

#include "core/table/shape.h"

#include <gtest/gtest.h>

#include <string>

#include "core/resp/reply_parser.h"

namespace resprobe {
namespace {

bool Matches(std::string_view shape, std::string_view bytes, int protocol) {
  std::string error;
  const auto compiled = Shape::Compile(shape, &error);
  EXPECT_TRUE(compiled.has_value()) << error;
  resp::ReplyParser parser;
  EXPECT_EQ(parser.Parse(bytes).status, resp::ReplyParser::Status::kValue) << bytes;
  return compiled && compiled->Matches(parser.reply().root(), protocol);
}

TEST(ShapeTest, SaysWhereATextIsWrong) {
  for (const char* bad :
       {"", "foo", "array", "array<", "array<int", "array<int,int>", "map<int>", "int(1)",
        "int(1..", "status(", "ok|", "|ok", "ok ok", "tuple<>", "int(1..2)x", "array<foo>"}) {
    std::string error;
    EXPECT_FALSE(Shape::Compile(bad, &error).has_value()) << bad;
    EXPECT_NE(error.find("at "), std::string::npos) << error;
  }
}

TEST(ShapeTest, Scalars) {
  EXPECT_TRUE(Matches("ok", "+OK\r\n", 2));
  EXPECT_FALSE(Matches("ok", "+KO\r\n", 2));
  EXPECT_TRUE(Matches("status", "+KO\r\n", 2));
  EXPECT_TRUE(Matches("status(PONG)", "+PONG\r\n", 3));
  EXPECT_FALSE(Matches("status(PONG)", "+PING\r\n", 3));
  EXPECT_FALSE(Matches("status", "$2\r\nOK\r\n", 2));
  EXPECT_TRUE(Matches("int", ":-5\r\n", 2));
  EXPECT_TRUE(Matches("int(0..1)", ":1\r\n", 2));
  EXPECT_FALSE(Matches("int(0..1)", ":2\r\n", 2));
  EXPECT_TRUE(Matches("int(-2..)", ":-2\r\n", 2));
  EXPECT_FALSE(Matches("int(-2..)", ":-3\r\n", 2));
  EXPECT_TRUE(Matches("int(..9)", ":-99\r\n", 2));
  EXPECT_FALSE(Matches("int(..9)", ":10\r\n", 2));
  EXPECT_TRUE(Matches("bulk", "$1\r\na\r\n", 3));
  EXPECT_FALSE(Matches("bulk", "$-1\r\n", 2));
  EXPECT_TRUE(Matches("bulk(int)", "$2\r\n12\r\n", 2));
  EXPECT_FALSE(Matches("bulk(int)", "$2\r\n01\r\n", 2));
  EXPECT_TRUE(Matches("any", "*1\r\n:1\r\n", 2));
}

TEST(ShapeTest, WhatDependsOnTheProtocol) {
  EXPECT_TRUE(Matches("null", "$-1\r\n", 2));
  EXPECT_FALSE(Matches("null", "*-1\r\n", 2));
  EXPECT_TRUE(Matches("nullarray", "*-1\r\n", 2));
  EXPECT_FALSE(Matches("nullarray", "$-1\r\n", 2));
  EXPECT_TRUE(Matches("null", "_\r\n", 3));
  EXPECT_TRUE(Matches("nullarray", "_\r\n", 3));
  EXPECT_FALSE(Matches("null", "$-1\r\n", 3));
  EXPECT_TRUE(Matches("double", "$3\r\n1.5\r\n", 2));
  EXPECT_TRUE(Matches("double", "$4\r\n-inf\r\n", 2));
  EXPECT_FALSE(Matches("double", "$3\r\nabc\r\n", 2));
  EXPECT_FALSE(Matches("double", "$0\r\n\r\n", 2));
  EXPECT_FALSE(Matches("double", ",1.5\r\n", 2));
  EXPECT_TRUE(Matches("double", ",1.5\r\n", 3));
  EXPECT_FALSE(Matches("double", "$3\r\n1.5\r\n", 3));
  EXPECT_TRUE(Matches("bool", ":1\r\n", 2));
  EXPECT_FALSE(Matches("bool", ":2\r\n", 2));
  EXPECT_TRUE(Matches("bool", "#t\r\n", 3));
  EXPECT_TRUE(Matches("verbatim", "$1\r\na\r\n", 2));
  EXPECT_TRUE(Matches("verbatim", "=5\r\ntxt:a\r\n", 3));
  EXPECT_TRUE(Matches("map<bulk,int>", "*2\r\n$1\r\na\r\n:1\r\n", 2));
  EXPECT_FALSE(Matches("map<bulk,int>", "*1\r\n$1\r\na\r\n", 2));
  EXPECT_FALSE(Matches("map<bulk,int>", "*2\r\n:1\r\n$1\r\na\r\n", 2));
  EXPECT_TRUE(Matches("map<bulk,int>", "%1\r\n$1\r\na\r\n:1\r\n", 3));
  EXPECT_FALSE(Matches("map<bulk,int>", "*2\r\n$1\r\na\r\n:1\r\n", 3));
  EXPECT_TRUE(Matches("set<bulk>", "*1\r\n$1\r\na\r\n", 2));
  EXPECT_TRUE(Matches("set<bulk>", "~1\r\n$1\r\na\r\n", 3));
  EXPECT_FALSE(Matches("set<bulk>", "~2\r\n$1\r\na\r\n$1\r\na\r\n", 3)) << "an element twice";
  EXPECT_TRUE(Matches("pairs<bulk,double>", "*2\r\n$1\r\na\r\n$1\r\n1\r\n", 2));
  EXPECT_TRUE(Matches("pairs<bulk,double>", "*1\r\n*2\r\n$1\r\na\r\n,1\r\n", 3));
  EXPECT_FALSE(Matches("pairs<bulk,double>", "*2\r\n$1\r\na\r\n,1\r\n", 3));
  EXPECT_FALSE(Matches("pairs<bulk,double>", "*1\r\n*1\r\n$1\r\na\r\n", 3));
  EXPECT_TRUE(Matches("flat<bulk,int>", "*2\r\n$1\r\na\r\n:1\r\n", 3));
  EXPECT_FALSE(Matches("flat<bulk,int>", "*3\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n", 3));
  EXPECT_TRUE(Matches("push<bulk,int>", "*2\r\n$1\r\na\r\n:1\r\n", 2));
  EXPECT_TRUE(Matches("push<bulk,int>", ">2\r\n$1\r\na\r\n:1\r\n", 3));
  EXPECT_FALSE(Matches("push<bulk,int>", "*2\r\n$1\r\na\r\n:1\r\n", 3));
}

TEST(ShapeTest, Aggregates) {
  EXPECT_TRUE(Matches("array<bulk|null>", "*2\r\n$1\r\na\r\n$-1\r\n", 2));
  EXPECT_FALSE(Matches("array<bulk>", "*2\r\n$1\r\na\r\n$-1\r\n", 2));
  EXPECT_TRUE(Matches("array<bulk>", "*0\r\n", 2));
  EXPECT_TRUE(Matches("tuple<bulk(int),array<bulk>>", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n", 2));
  EXPECT_FALSE(Matches("tuple<bulk,bulk>", "*1\r\n$1\r\na\r\n", 2));
  EXPECT_FALSE(Matches("tuple<bulk,bulk>", "*3\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n", 2));
  EXPECT_TRUE(Matches("tuple<int|bulk,array<int|null>,ok>|null",
                      "*3\r\n$1\r\na\r\n*2\r\n:1\r\n_\r\n+OK\r\n", 3));
  EXPECT_FALSE(Matches("tuple<int|bulk,array<int|null>,ok>|null",
                       "*3\r\n$1\r\na\r\n*2\r\n:1\r\n_\r\n+KO\r\n", 3));
  EXPECT_TRUE(Matches("map<bulk,map<bulk,any>>", "%1\r\n$1\r\na\r\n%1\r\n$1\r\nb\r\n:1\r\n", 3));
}

TEST(ShapeTest, Errors) {
  EXPECT_FALSE(Matches("any", "-ERR x\r\n", 2)) << "at the top it is the caller's business";
  EXPECT_FALSE(Matches("error", "-ERR x\r\n", 2));
  EXPECT_TRUE(Matches("array<error>", "*1\r\n-ERR x\r\n", 2));
  EXPECT_TRUE(Matches("array<any>", "*1\r\n-ERR x\r\n", 2));
  EXPECT_FALSE(Matches("array<int>", "*1\r\n-ERR x\r\n", 2));
  EXPECT_FALSE(Matches("none", "+OK\r\n", 2));
}

}  // namespace
}  // namespace resprobe

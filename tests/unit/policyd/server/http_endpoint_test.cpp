#include "policyd/server/http_endpoint.hpp"

#include <gtest/gtest.h>

namespace policyd::server {
namespace {

std::string MethodAndPath(std::string_view head) {
    const auto request = ParseHttpRequest(head);
    return request ? std::string(request->method) + ' ' + std::string(request->path) : "none";
}

TEST(HttpRequestTest, TheFirstLineNamesMethodAndPath) {
    EXPECT_EQ(MethodAndPath("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /metrics");
    EXPECT_EQ(MethodAndPath("POST /reload HTTP/1.0\n\n"), "POST /reload");
}

TEST(HttpRequestTest, TheQueryIsNoPartOfThePath) {
    EXPECT_EQ(MethodAndPath("GET /metrics?name=x HTTP/1.1\r\n\r\n"), "GET /metrics");
}

TEST(HttpRequestTest, WhatIsNotHttpIsNoRequest) {
    for (const char* head :
         {"", "\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET  HTTP/1.1\r\n\r\n",
          " /metrics HTTP/1.1\r\n\r\n", "GET metrics HTTP/1.1\r\n\r\n",
          "GET /metrics HTTP/2\r\n\r\n", "request=smtpd_access_policy\n\n"})
        EXPECT_EQ(MethodAndPath(head), "none") << head;
}

}  // namespace
}  // namespace policyd::server

package rdap

import "strings"

const webPage = "text/html"

// domainNotices are the notices of domain answers; about is the request's URL, which every link leads away from.
func (s *settings) domainNotices(about string) []Notice {
	return []Notice{
		{
			Title:       "Status Codes",
			Description: []string{"For more information on domain status codes, please visit https://icann.org/epp"},
			Links:       []Link{{about, "glossary", "https://icann.org/epp", webPage}},
		},
		{
			Title:       "RDDS Inaccuracy Complaint Form",
			Description: []string{"URL of the ICANN RDDS Inaccuracy Complaint Form: https://icann.org/wicf"},
			Links:       []Link{{about, "help", "https://icann.org/wicf", webPage}},
		},
		s.terms(about),
	}
}

// terms is the notice that every answer carries.
func (s *settings) terms(about string) Notice {
	return Notice{
		Title:       "Terms of Service",
		Description: s.legal,
		Links:       []Link{{about, "terms-of-service", s.termsURL, webPage}},
	}
}

// Help is the answer to a help query (RFC 9083 §7).
type Help struct{ Answer }

// help says what can be asked here.
func (s *settings) help(about string) Help {
	return Help{Answer{
		Conformance: []string{level0, responseProfile, technicalGuide, redactedLevel},
		Notices: []Notice{
			{
				Title: "Queries",
				Description: []string{
					"domain/NAME: a registered domain name, internationalized ones by their A-labels.",
					"nameserver/NAME: a name server.",
					"entity/ID: a registrar, by IANA Registrar ID, registry identifier or name.",
					"There are no searches and no authentication. Queries are limited by client address: wait as long as Retry-After says.",
				},
				Links: []Link{{about, "self", s.baseURL + "help", mediaType}},
			},
			s.terms(about),
		},
	}}
}

// defaultLegal is said of the terms of service if the operator has no text of their own.
const defaultLegal = `This data is published so that people can learn about or check the registration of a name.
It may be used for lawful purposes only; sending unsolicited messages and copying the registry's data in bulk are not among them. Its accuracy is not warranted.`

// paragraphs are the lines of a text that aren't empty.
func paragraphs(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// errorTitles are the titles of answers without an object, by HTTP status.
var errorTitles = map[int]string{
	400: "Bad request", 404: "Not found", 405: "Method not allowed", 429: "Too many requests",
	500: "Internal error", 501: "Not implemented", 503: "Service unavailable",
}

func newError(code int, description string) Error {
	e := Error{Answer: Answer{Conformance: []string{level0, responseProfile, technicalGuide}}, Code: code, Title: errorTitles[code]}
	if description != "" {
		e.Description = []string{description}
	}
	return e
}

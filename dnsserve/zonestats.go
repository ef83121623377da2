package dnsserve

import "github.com/prometheus/client_golang/prometheus"

var (
	descEnds = prometheus.NewDesc("quorate_zone_signatures_end_timestamp_seconds",
		"When the first signature of a zone that this node serves ends, in Unix time, to the minute.", []string{"zone"}, nil)
	descNames = prometheus.NewDesc("quorate_zone_names",
		"Names in a zone that this node serves, with empty non-terminals and owners of NSEC3.", []string{"zone"}, nil)
	descImage = prometheus.NewDesc("quorate_zone_image_bytes",
		"Octets of a zone's image, which is mapped memory.", []string{"zone"}, nil)
	descWaste = prometheus.NewDesc("quorate_zone_image_unused_bytes",
		"Octets of a zone's image that are out of use.", []string{"zone"}, nil)
	descDamage = prometheus.NewDesc("quorate_zone_image_damages_total",
		"Zone images that turned out to hold something else than was written.", nil, nil)
)

func describeZones(ch chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{descEnds, descNames, descImage, descWaste, descDamage} {
		ch <- d
	}
}

func (z *Zones) collect(ch chan<- prometheus.Metric) {
	for _, served := range z.table.Load().zones {
		v := served.version.Load()
		gauge := func(d *prometheus.Desc, value float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, served.label)
		}
		if v.signed {
			gauge(descEnds, float64(v.earliest))
		}
		gauge(descNames, float64(v.count))
		gauge(descImage, float64(v.next)*unit)
		gauge(descWaste, float64(v.garbage))
	}
	ch <- prometheus.MustNewConstMetric(descDamage, prometheus.CounterValue, float64(z.damages.Load()))
}
